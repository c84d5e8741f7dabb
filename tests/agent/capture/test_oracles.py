"""Other readers of the same hellos, damaged ones too: whenever we name a host, OpenSSL and tshark name the same one.

The reverse does not hold: tshark names hosts in hellos that no server would accept, OpenSSL takes any bytes for a name.
"""

from __future__ import annotations

import random
import shutil
import ssl
import subprocess
from typing import Any

import pytest

from toktra.agent.capture.names import Hello, TlsReader

HOSTS = (
    "api.openai.com",
    "claude.ai",
    "generativelanguage.googleapis.com",
    "a.b",
    "xn--bcher-kva.example",
    "HOST.Example",
)
DAMAGED = 300


@pytest.fixture(scope="module")
def streams(wire: Any) -> list[bytes]:
    """Hellos of OpenSSL's client: whole, cut into records, with a byte or two changed, the same in every run."""
    chance = random.Random(3)
    whole = [wire.real_hello(host) for host in HOSTS]
    cut = [wire.records(hello[5:], chance.randint(20, 400)) for hello in whole]
    damaged = []
    for _ in range(DAMAGED):
        stream = bytearray(chance.choice(whole))
        for _ in range(chance.choice([1, 1, 2])):
            stream[chance.randrange(43, len(stream))] = chance.choice([0, 1, 46, 97, 255, chance.randrange(256)])
        damaged.append(bytes(stream))
    return [*whole, *cut, *damaged]


def ours(stream: bytes) -> str | None:
    answer = TlsReader().feed(stream)
    return answer.host if isinstance(answer, Hello) else None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python, of a name that is not ASCII
def test_openssl_names_what_we_name(streams: list[bytes]) -> None:
    agreed = 0
    for stream in streams:
        host, theirs = ours(stream), by_openssl(stream)
        if host is not None and theirs:
            assert host == theirs[0].lower().rstrip("."), stream.hex()
            agreed += 1
    assert agreed >= len(streams) // 2


def by_openssl(stream: bytes) -> list[str]:
    """The name OpenSSL's server is asked for; none when it gives up before."""
    named: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _object, name, _context: named.append(name) if name else None
    incoming = ssl.MemoryBIO()
    incoming.write(stream)
    server = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    with pytest.raises(ssl.SSLError):  # there is no certificate: the name is all that is asked
        server.do_handshake()
    return named


def test_tshark_names_what_we_name(streams: list[bytes], recording: Any, talk: Any) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("comparing with tshark takes tshark")
    for number, stream in enumerate(streams):
        conversation = talk(recording, client_port=20_000 + number)
        conversation.open()
        conversation.send(0, stream)
    fields = ("tcp.srcport", "tls.handshake.extensions_server_name")
    command = [tshark, "-r", str(recording.write()), "-Y", "tls.handshake.type == 1", "-T", "fields"]
    out = subprocess.run(
        [*command, *(part for field in fields for part in ("-e", field))], check=True, capture_output=True, text=True
    ).stdout
    theirs = dict(line.split("\t")[:2] for line in out.splitlines())
    agreed = 0
    for number, stream in enumerate(streams):
        host = ours(stream)
        if host is None:
            continue
        named = theirs.get(str(20_000 + number), "")
        assert host == named.lower().rstrip("."), (stream.hex(), named)
        agreed += 1
    assert agreed >= len(streams) // 2

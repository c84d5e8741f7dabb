"""Personal mode on a device at work: each exchange in one ledger, byte for byte, and nothing of one in the other."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.end_to_end.clients import Client, served
from tests.end_to_end.installation import Installation, until
from tests.lab.lab import Lab
from tests.lab.server import TlsServer
from voprf import ristretto

from toktra.agent.perks.age import unseal
from toktra.agent.perks.keys import Key, new_key, to_file
from toktra.wire.events import encode
from toktra.wire.personal import (
    PersonalUse,
    ProgrammeTiers,
    RecordsPage,
    Ticket,
    TicketsAsked,
    TicketsIssued,
    read_plain,
)

pytestmark = pytest.mark.kernel

WORK, MINE = "api.anthropic.com", "api.mistral.ai"
ALICE, BOB = 4321, 4322

AS_ACCOUNT = """
import os, sys
from toktra.agent.perks.commands import perks
uid = int(sys.argv.pop(1))
os.setgroups([]), os.setresgid(uid, uid, uid), os.setresuid(uid, uid, uid)
perks(prog_name="toktra perks")
"""
"""Loads the command first: the account may not be able to read this checkout."""


def typed(here: Installation, uid: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`toktra perks …` as an account types it."""
    environment = {**os.environ, "TOKTRA_AGENT_STATE": str(here.data / "agent")}
    environment.pop("SUDO_USER", None)
    command = [sys.executable, "-c", AS_ACCOUNT, str(uid), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


def perks(here: Installation, uid: int, *arguments: str) -> str:
    """The same, when it is to succeed."""
    done = typed(here, uid, *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr, here.log("agent"))
    return done.stdout


def takes_part(here: Installation, key: Key) -> None:
    """Alice is known by name, is invited and opts in; then she gives this device the key she has from another one."""
    until(lambda: (str(ALICE), WORK) in in_ledger(here), why=lambda: here.log("agent"))
    here.query(
        "update person set from_account = false where display_name like %s returning person_id", f"uid-{ALICE} on %"
    )
    assert "Your organisation has no Token Perks" in typed(here, ALICE, "join", "--show").stderr
    tenant = "(select tenant_id from tenant limit 1)"
    here.query(f"insert into perks_programme (tenant_id, is_on) select {tenant}, true returning programme")
    here.query(
        "insert into perks_tier (tenant_id, tier, name, tokens_per_ticket, tickets)"
        f" select {tenant}, 'one', 'One', 1000, 5 returning tier"
    )
    here.query(f"insert into perks_invitation (tenant_id, tier) select {tenant}, 'one' returning tier")
    assert "You are invited" in typed(here, ALICE, "join", "--show").stderr
    here.query(
        "insert into perks_enrolment select tenant_id, person_id, 'one', 1, date_trunc('month', now())::date"
        " from person where display_name like %s returning tier",
        f"uid-{ALICE} on %",
    )
    path = here.data.parent / "key"
    path.write_bytes(to_file(key))
    os.chown(path, ALICE, ALICE)
    assert perks(here, ALICE, "join", "--key", str(path)).startswith("Personal mode is off.")


class Service:
    """The personal service of the installation, as others meet it."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._port = here.port + 1
        self.url = f"http://127.0.0.1:{self._port}"
        environment = Path(f"/proc/{here.children()['server']}/environ").read_bytes().split(b"\0")
        [secret] = [one for one in environment if one.startswith(b"TOKTRA_PERSONAL_OPERATOR_SECRET=")]
        self._operator = secret.decode().partition("=")[2]
        until(self._is_ready, why=lambda: here.log("personal"))

    def open_mailbox(self, mailbox: str) -> None:
        """With a ticket that the organisation's server had issued for somebody it did not name."""
        programme, month = str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m}"
        self.send(
            "PUT", f"/operator/v1/programmes/{programme}", self._operator, encode(ProgrammeTiers(tiers={"one": 5}))
        )
        nonce = secrets.token_bytes(32)
        client, blinded = ristretto.Client.blind(nonce)
        asked = TicketsAsked(programme=programme, tier="one", month=month, blinded=(blinded.serialize(),))
        answer = self.send("POST", "/operator/v1/tickets", self._operator, encode(asked))
        [evaluated] = msgspec.json.decode(answer, type=TicketsIssued).evaluated
        keys = json.loads(self.send("GET", f"/v1/programmes/{programme}/keys/{month}"))["keys"]
        public_key = msgspec.convert(keys["one"], bytes)
        output = client.finalize(
            ristretto.VerifiableOutput.deserialize(evaluated), ristretto.PublicKey.deserialize(public_key)
        )
        ticket = Ticket(programme=programme, tier="one", month=month, nonce=nonce, output=bytes(output))
        self.send("POST", "/v1/mailbox", mailbox, encode(ticket))

    def sealed(self, mailbox: str) -> list[bytes]:
        """All that is in a mailbox."""
        found: list[bytes] = []
        after = ""
        while True:
            answer = self.send("GET", f"/v1/mailbox/records?after={after}" if after else "/v1/mailbox/records", mailbox)
            page = msgspec.json.decode(answer, type=RecordsPage)
            found += [record.sealed for record in page.records]
            if page.next is None:
                return found
            after = page.next

    def send(self, method: str, path: str, bearer: str = "", body: bytes = b"") -> bytes:
        """What is answered; sent again while the service is busy, as a device does."""
        answers: list[tuple[int, bytes]] = []

        def answered() -> bool:
            answers.append(self._send(method, path, bearer, body))
            return answers[-1][0] != 503

        until(answered, why=lambda: (answers, self._here.log("personal")))
        status, content = answers[-1]
        assert status < 300, (method, path, status, content, self._here.log("personal"))
        return content

    def _send(self, method: str, path: str, bearer: str, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            connection.request(method, path, body or None, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _is_ready(self) -> bool:
        try:
            return self._send("GET", "/readyz", "", b"")[0] == 200
        except OSError:
            return False


def in_ledger(here: Installation) -> dict[tuple[str, str], tuple[int, int]]:
    """Bytes sent and received by our two accounts and host, as the organisation's database has them."""
    rows = here.query(
        "select substring(p.display_name from '[0-9]+'), provider_host, sum(request_bytes)::bigint,"
        " sum(response_bytes)::bigint from usage_event e join person p using (tenant_id, person_id) group by 1, 2"
    )
    ours = {str(ALICE), str(BOB)}  # whatever else uses AI on this machine meanwhile
    return {(name, host): (sent, received) for name, host, sent, received in rows if name in ours}


@pytest.fixture
def server(lab: Lab) -> Iterator[TlsServer]:
    with lab.serve(WORK, MINE, alpn=("http/1.1",)) as running:
        yield running


@pytest.mark.timeout(300)
def test_each_ledger_has_exactly_its_own_and_the_other_nothing_of_it(
    here: Installation, lab: Lab, server: TlsServer, tmp_path: Path
) -> None:
    if datetime.now(UTC).hour == 0:
        pytest.skip("no hour of this UTC day may be over yet, so no upload is due")
    here.start()
    service = Service(here)
    key = new_key(service.url)
    service.open_mailbox(key.mailbox)
    work, mine, bobs = Client(lab, ALICE, WORK), Client(lab, ALICE, MINE), Client(lab, BOB, WORK)
    work.ask("/bytes/5000", 300)
    before = served(server, 0, 1)
    takes_part(here, key)

    # An answer that begins at work goes on over the switch, and over silences in which its parts are reported.
    streaming = threading.Thread(target=work.ask, args=("/stream/2/4000/3500", 700))
    streaming.start()
    until(lambda: server.connections[0].sent_bytes > before[1] + 3000)
    assert perks(here, ALICE, "personal", "for", "1h").startswith("Personal until")
    mine.ask("/bytes/20000", 1500)
    bobs.ask("/bytes/900", 40)
    streaming.join(30)
    at_work = served(server, 0, 2)

    # And the other way round: it begins in personal mode and ends at work.
    streaming = threading.Thread(target=mine.ask, args=("/stream/2/4000/3500", 900))
    streaming.start()
    sent_before = served(server, 1, 1)[1]
    until(lambda: server.connections[1].sent_bytes > sent_before + 3000)
    assert perks(here, ALICE, "personal", "off").startswith("Personal mode is off")
    work.ask("/bytes/100", 2000)
    at_work = served(server, 0, 3)
    streaming.join(30)
    for client in (work, mine, bobs):
        client.close()
    server.wait_closed(3)
    personal, bob = served(server, 1, 2), served(server, 2, 1)
    at_work = server.connections[0].received_bytes, server.connections[0].sent_bytes
    truth = {(str(ALICE), WORK): at_work, (str(BOB), WORK): bob}
    until(lambda: in_ledger(here) == truth, why=lambda: (in_ledger(here), truth, here.log("agent")))

    records = decrypted(here, service, key, personal)
    assert {record.provider_host for record in records} == {MINE}
    assert sum(record.estimated_input_tokens > 0 for record in records) == 2
    opened_by_age(service, key, tmp_path, records)

    told = json.loads(perks(here, ALICE, "status", "--json"))
    assert (told["part"], told["personal"], told["waiting"]) == ("joined", False, 0)
    assert json.loads(perks(here, BOB, "status", "--json"))["part"] == "none"
    here.stop()
    for path in here.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert key.identity.encode() not in content, path
            if not is_catalogue(path):
                assert MINE.encode() not in content, path


def is_catalogue(path: Path) -> bool:
    """What names every provider there is, used or not."""
    return path.suffix in {".pyc", ".toml"}


def decrypted(here: Installation, service: Service, key: Key, truth: tuple[int, int]) -> list[PersonalUse]:
    """What the owner reads once all of it has arrived; in sum it is what the provider's sockets counted."""

    def read() -> list[PersonalUse]:
        opened = [read_plain(unseal(sealed, key.identity)) for sealed in service.sealed(key.mailbox)]
        return [use for record in opened for use in record.uses]

    def sums() -> tuple[int, int]:
        records = read()
        return sum(one.request_bytes for one in records), sum(one.response_bytes for one in records)

    until(lambda: sums() == truth, why=lambda: (sums(), truth, perks(here, ALICE, "status")))
    return read()


def opened_by_age(service: Service, key: Key, directory: Path, records: list[PersonalUse]) -> None:
    """The plain `age` command reads the same, without any program of ours."""
    if shutil.which("age") is None:
        return
    (directory / "key").write_bytes(to_file(key))
    found = []
    for sealed in service.sealed(key.mailbox):
        command = ["age", "-d", "-i", str(directory / "key")]
        plain = json.loads(subprocess.run(command, input=sealed, capture_output=True, check=True).stdout)
        uses = [dict(zip(plain["columns"], use, strict=True)) for use in plain["uses"]]
        found += [(use["provider_host"], use["request_bytes"], use["response_bytes"]) for use in uses]
    assert sorted(found) == sorted((one.provider_host, one.request_bytes, one.response_bytes) for one in records)

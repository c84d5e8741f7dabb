"""The kernel's meter, compiled for this machine, tells the same exchanges as meter.py from the same packets."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import toktra.agent.capture.linux
from toktra.agent.capture.linux.exchanges import NS, ProviderFlow
from toktra.agent.capture.linux.layout import TOTALS, read_totals
from toktra.agent.capture.meter import Form, QuicMeter, TlsMeter
from toktra.agent.capture.observed import Exchange

PROGRAM = Path(toktra.agent.capture.linux.__file__).parent / "program"
START_NS = 1_000 * NS

CONVERSATIONS = 1500
"""A multiple of what it takes to find a wrong constant anywhere in the rules."""
PAUSES_MS = [0, 1, 20, 49, 51, 400, 2_900, 3_100, 9_000]
TELLING_LENGTHS = [
    *(19, 21, 31, 32, 33, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 50, 51, 52, 53, 54, 56, 57, 59, 60, 62, 63, 66, 68),
    *(69, 75, 81, 85, 86, 105, 106, 111, 112, 560, 561, 1999, 2000, 16383, 16384, 16401),
]
TELLING_SIZES = [
    *(1, 35, 39, 42, 48, 55, 60, 61, 64, 65, 67, 68, 70, 72, 73, 75, 76, 83, 84, 87, 96, 97, 105, 109, 110, 113, 120),
    *(121, 126, 131, 149, 150, 151, 200, 201, 399, 400, 477, 698, 700, 701, 1000, 1149, 1150, 1448, 1449, 1501),
]
EDGES = [base + more for base in (700, 1000, 3700, 4000) for more in (0, 1)]
RECORD_TYPES = [20, 21, 22, 23, 23, 23, 23]


@dataclass(frozen=True, slots=True)
class Packet:
    pause_ms: int
    from_client: bool
    new_bytes: int
    records: list[tuple[int, int]]
    inside_record: bool
    form: Form


def packets(chance: random.Random) -> list[Packet]:
    """A conversation; most begin with a handshake, so that much of it is what comes after one."""
    beginning = chance.choice([[], TLS_1_3, TLS_1_3, TLS_1_3_PADDED, TLS_1_3_CERTIFICATE, TLS_1_2, TLS_1_2])
    first = first_exchange(chance) if beginning and chance.random() < 0.5 else []
    return [*beginning, *first, *(packet(chance) for _ in range(chance.randrange(40)))]


def first_exchange(chance: random.Random) -> list[Packet]:
    """Tickets, a request and early words of the server, whose sums lie at the edges of what the rules allow."""
    tickets = chance.choice([[], [399], [400], [401]])
    before = sum(tickets)
    words = chance.choice([[149], [150], [151], [200], [201], [60, 15], [60, 16], *([edge - before] for edge in EDGES)])
    return [
        *(from_server(size) for size in tickets),
        from_client(chance.choice([99, 105, 500, 16_401])),
        *(from_server(size) for size in words),
        from_client(chance.choice([300, 16_401])),
    ]


def from_server(size: int) -> Packet:
    return Packet(1, False, size, [], False, Form.SHORT)


def from_client(record: int) -> Packet:
    return Packet(1, True, record + 5, [(23, record)], False, Form.SHORT)


def packet(chance: random.Random) -> Packet:
    return Packet(
        pause_ms=chance.choice(PAUSES_MS),
        from_client=chance.random() < 0.5,
        new_bytes=chance.choice([*TELLING_SIZES, chance.randint(1, 65_000)]),
        records=[
            (chance.choice(RECORD_TYPES), chance.choice([*TELLING_LENGTHS, chance.randint(1, 16_401)]))
            for _ in range(chance.randrange(4))
        ],
        inside_record=chance.random() < 0.2,
        form=chance.choice(list(Form)),
    )


def handshake(*records: tuple[int, int]) -> list[Packet]:
    return [
        Packet(0, True, 517, [(22, 512)], False, Form.LONG),
        Packet(1, False, 1448, [], False, Form.LONG),
        Packet(1, True, 80, [*records], False, Form.LONG),
    ]


TLS_1_3 = handshake((20, 1), (23, 69))
TLS_1_3_PADDED = handshake((20, 1), (23, 85))
TLS_1_3_CERTIFICATE = handshake((20, 1), (23, 1068), (23, 96), (23, 69))
TLS_1_2 = handshake((22, 37), (20, 1), (22, 40))


class Compiled:
    """meter.h behind ctypes."""

    def __init__(self, library: ctypes.CDLL, *, http2: bool = True) -> None:
        self._library = library
        self._meter = ctypes.create_string_buffer(library.size())
        self._told = ctypes.create_string_buffer(TOTALS.size)
        library.start(self._meter)
        if not http2:
            library.without_http2(self._meter)
        self._flow = ProviderFlow("api.example.test", None)

    def tls_sent(self, packet: Packet, at: int) -> list[Exchange]:
        """As the kernel program does it: each record but the last on its own, the last with the packet's bytes."""
        numbers = [kind << 16 | length for kind, length in packet.records]
        told: list[Exchange] = []
        for number in numbers[:-1]:
            told += self._call(self._library.tls_sent, number, 0, 1, at)
        last = numbers[-1] if numbers else 0
        return told + self._call(self._library.tls_sent, last, packet.new_bytes, packet.inside_record, at)

    def tls_received(self, packet: Packet, at: int) -> list[Exchange]:
        return self._call(self._library.tls_received, packet.new_bytes, at)

    def quic(self, packet: Packet, at: int) -> list[Exchange]:
        function = self._library.quic_sent if packet.from_client else self._library.quic_received
        return self._call(function, packet.new_bytes, at, int(packet.form))

    def close(self) -> list[Exchange]:
        exchange = self._flow.closed(read_totals(self._meter.raw), 0)
        return [exchange] if exchange else []

    def _call(self, function: Callable[..., int], *arguments: int) -> list[Exchange]:
        converted = [ctypes.c_ulong(argument) for argument in arguments]
        if not function(self._meter, *converted, self._told):
            return []
        exchange = self._flow.ended(read_totals(self._told.raw), 0)
        return [exchange] if exchange else []


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("comparing the two meters takes a C compiler")
    target = tmp_path_factory.mktemp("meter") / "meter.so"
    source = Path(__file__).with_name("meter_harness.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", f"-I{PROGRAM}", str(source), "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


@pytest.mark.parametrize("http2", [True, False])
def test_tls_exchanges_are_those_of_the_python_meter(library: ctypes.CDLL, http2: bool) -> None:
    for seed in range(CONVERSATIONS):
        compiled, meter, at = Compiled(library, http2=http2), TlsMeter(), START_NS
        if not http2:
            meter.without_http2()
        for one in packets(random.Random(seed)):
            at += one.pause_ms * 1_000_000
            if one.from_client:
                expected = meter.sent(one.new_bytes, at / NS, one.records, inside_record=one.inside_record)
                told = compiled.tls_sent(one, at)
            else:
                expected = meter.received(one.new_bytes, at / NS)
                told = compiled.tls_received(one, at)
            assert told == ([expected] if expected else []), seed
        last = meter.close()
        assert compiled.close() == ([last] if last else []), seed


def test_quic_exchanges_are_those_of_the_python_meter(library: ctypes.CDLL) -> None:
    for seed in range(CONVERSATIONS):
        compiled, meter, at = Compiled(library), QuicMeter(), START_NS
        for one in packets(random.Random(seed)):
            at += one.pause_ms * 1_000_000
            feed = meter.sent if one.from_client else meter.received
            expected = feed(one.new_bytes, at / NS, one.form)
            assert compiled.quic(one, at) == ([expected] if expected else []), seed
        last = meter.close()
        assert compiled.close() == ([last] if last else []), seed

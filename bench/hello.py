"""How long one hello takes to read, and how many of the recorded names are right.

`python -m bench.hello` prints JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from toktra.agent.capture.flows import TCP, UDP
from toktra.agent.capture.ip import read_ip
from toktra.agent.capture.link import LINK_TYPES
from toktra.agent.capture.names import QuicReader, TlsReader
from toktra.agent.capture.pcap import read_packets
from toktra.agent.capture.replay import connections

CAPTURES = Path(__file__).parents[1] / "tests" / "data" / "captures"
TLS_HELLOS = {
    "curl": "o01_curl_h1",
    "Java": "o05_java_httpclient",
    "Chromium": "o06_chromium_h2",
    "Firefox": "o24_firefox",
}
QUIC_HELLOS = {"aioquic": "o25_aioquic_h3", "Chromium": "o07_chromium_h3"}


def measure() -> dict[str, object]:
    """Microseconds of wall clock per hello: the best of many rounds, as the machine may be busy."""
    return {
        "tls_us": {client: _tls(name) for client, name in TLS_HELLOS.items()},
        "quic_us": {client: _quic(name) for client, name in QUIC_HELLOS.items()},
        "names": _names(),
    }


def _client_payloads(scenario: str, protocol: int) -> list[bytes]:
    """What the client of the capture's first connection sent before the server said anything."""
    payloads: list[bytes] = []
    client = b""
    for _, link_type, data, wire_bytes in read_packets(CAPTURES / f"{scenario}.pcap"):
        segment = read_ip(data, LINK_TYPES[link_type](data), wire_bytes)
        if segment is None or segment.protocol != protocol:
            continue
        header = 8 if protocol == UDP else data[segment.place + 12] >> 4 << 2
        payload = data[segment.place + header : segment.place + segment.length]
        if not payload:
            continue
        client = client or segment.key
        if segment.key != client:
            break
        payloads.append(payload)
    return payloads


def _tls(scenario: str) -> float:
    stream = b"".join(_client_payloads(scenario, TCP))
    return _best_us(lambda: TlsReader().feed(stream))


def _quic(scenario: str) -> float:
    datagrams = _client_payloads(scenario, UDP)

    def read() -> None:
        reader = QuicReader()
        for datagram in datagrams:
            if reader.feed(datagram) is not None:
                return

    return _best_us(read)


def _best_us(run: Callable[[], object], *, rounds: int = 200, turns: int = 50) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(turns):
            run()
        best = min(best, time.perf_counter() - start)
    return round(best / turns * 1e6, 2)


def _names() -> dict[str, int]:
    truth = json.loads((CAPTURES / "truth.json").read_text("utf-8"))
    counts = {"named_flows": 0, "right": 0, "missed": 0, "wrong_or_invented": 0}
    for name, scenario in truth.items():
        found = {one.client.rsplit(":", 1)[1]: one.host for one in connections(CAPTURES / f"{name}.pcap")}
        for flow in scenario["flows"]:
            expected, host = flow["sni"], found.get(str(flow["client_port"]))
            counts["named_flows"] += expected is not None
            counts["right"] += expected is not None and host == expected
            counts["missed"] += expected is not None and host is None
            counts["wrong_or_invented"] += host not in {None, expected}
    return counts


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

"""Every recorded scenario, told exactly: the flows, their names, their bytes, and exchanges that do not overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from toktra.agent.capture.replay import SeenConnection, connections, exchanges

SCENARIOS = sorted(path.stem for path in (Path(__file__).parents[2] / "data" / "captures").glob("*.pcap"))

NOT_TELLABLE = {
    ("o19_tls_8443", 50782): 1,  # three HTTP/2 requests sent together
    ("o22_midstream", 33802): 2,  # four exchanges, two of them before the capture began
}
OPENED_BEFORE = {("o22_midstream", 33802)}


def _end(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _expected(name: str, flow: dict[str, Any]) -> SeenConnection:
    return SeenConnection(
        transport="quic" if flow["transport"] == "udp" else "tcp",
        client=_end(flow["client_ip"], flow["client_port"]),
        server=_end(flow["server_ip"], flow["server_port"]),
        host=flow["sni"],
        request_bytes=flow["bytes_c2s"],
        response_bytes=flow["bytes_s2c"],
        exchanges=NOT_TELLABLE.get((name, flow["client_port"]), flow["http_exchanges"]),
        hidden="ech" if flow["ech"] == "real" else None,
        opened_before=(name, flow["client_port"]) in OPENED_BEFORE,
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_is_told_exactly(name: str, captures: Path, truth: dict[str, Any]) -> None:
    found = {one.client: one for one in connections(captures / f"{name}.pcap")}
    expected = {one.client: one for one in (_expected(name, flow) for flow in truth[name]["flows"])}
    assert found == expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_exchanges_add_up_to_their_connections(name: str, captures: Path, truth: dict[str, Any]) -> None:
    """On all ports, every named connection that carried a request: its exchanges hold each of its bytes once."""
    flows = [flow for flow in truth[name]["flows"] if flow["sni"] and flow["http_exchanges"]]
    ports = frozenset(flow["server_port"] for flow in truth[name]["flows"])
    found = [one.exchange for one in exchanges(captures / f"{name}.pcap", lambda _: "known", ports)]
    assert sum(one.request_bytes + one.control_bytes for one in found) == sum(flow["bytes_c2s"] for flow in flows)
    assert sum(one.response_bytes for one in found) == sum(flow["bytes_s2c"] for flow in flows)
    assert sum(one.first_on_connection for one in found) == len(flows)

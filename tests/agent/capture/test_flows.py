"""What happens to connections on real wires: loss, reorder, reuse, resets, captures that begin or end in the middle."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion

from toktra.agent.capture.flows import LINGER_S
from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.capture.replay import SeenConnection, connections, exchanges

HOST = "api.openai.com"


def only(path: Path) -> SeenConnection:
    (one,) = connections(path)
    return one


def known(host: str) -> str | None:
    return "known" if host == HOST else None


def told(path: Path, *ports: int) -> list[ObservedExchange]:
    return list(exchanges(path, known, frozenset(ports or {443})))


@pytest.mark.parametrize("seed", range(5))
def test_loss_reorder_and_duplicates_change_no_count(wire: Any, recording: Any, talk: Any, seed: int) -> None:
    """Sequence numbers wrap inside the connection."""
    chance = random.Random(seed)
    connection = talk(recording, client_isn=2**32 - 300, server_isn=2**32 - 5000)
    connection.open()
    up = wire.real_hello(HOST) + b"\x17\x03\x03\x40\x00" + bytes(16384)
    down = bytes(200_000)
    segments = [("up", at, up[at : at + 500]) for at in range(0, len(up), 500)]
    segments += [("down", at, down[at : at + 1448]) for at in range(0, len(down), 1448)]
    segments += [("down", at, down[at : at + 2000]) for at in range(700, len(down), 9000)]
    for way, at, data in sorted(segments, key=lambda _: chance.random()):
        for _ in range(chance.choice([1, 1, 1, 2])):
            (connection.send if way == "up" else connection.answer)(at, data)
    seen = only(recording.write())
    assert (seen.host, seen.request_bytes, seen.response_bytes) == (HOST, len(up), len(down))


def test_a_hello_in_the_syn_counts_once(wire: Any, recording: Any, talk: Any) -> None:
    hello = wire.real_hello(HOST)
    connection = talk(recording)
    connection.open(hello[:300])
    connection.send(0, hello)  # the server took nothing of the SYN: all of it comes again
    seen = only(recording.write())
    assert (seen.host, seen.request_bytes) == (HOST, len(hello))


def test_the_same_ports_again_are_another_connection(wire: Any, recording: Any, talk: Any) -> None:
    for isn, host in ((1000, HOST), (900_000, "example.org")):
        connection = talk(recording, client_isn=isn, server_isn=isn + 7)
        connection.open()
        hello = wire.real_hello(host)
        connection.send(0, hello)
        connection.answer(0, bytes(100))
        connection.send(len(hello), b"", flags=0x11)
        connection.answer(100, b"", flags=0x11)
    first, second = connections(recording.write())
    assert [(one.host, one.response_bytes) for one in (first, second)] == [(HOST, 100), ("example.org", 100)]


def test_a_syn_sent_again_is_the_same_connection(wire: Any, recording: Any, talk: Any) -> None:
    connection = talk(recording)
    connection.open()
    connection.open()
    connection.send(0, wire.real_hello(HOST))
    assert only(recording.write()).host == HOST


def test_a_connection_whose_syn_was_not_captured_still_has_its_name(wire: Any, recording: Any, talk: Any) -> None:
    connection = talk(recording)
    connection.open()
    del recording.packets[0]
    connection.send(0, wire.real_hello(HOST))
    seen = only(recording.write())
    assert (seen.client, seen.server, seen.host) == ("10.0.0.1:50000", "10.0.0.2:443", HOST)
    assert told(recording.path) == []  # asked for nothing yet


def test_a_connection_seen_from_its_middle_has_bytes_and_no_name(wire: Any, recording: Any, talk: Any) -> None:
    connection = talk(recording)
    connection.answer(5000, bytes(1000))
    connection.answer(4000, bytes(1500))  # sent again, partly from before the capture
    connection.send(100, wire.real_hello(HOST))
    seen = only(recording.write())
    assert (seen.client, seen.host, seen.response_bytes) == ("10.0.0.1:50000", None, 2000)
    assert told(recording.path) == []


def test_what_a_reset_carries_is_not_data(wire: Any, recording: Any, talk: Any) -> None:
    connection = talk(recording)
    connection.open()
    connection.send(0, b"hello")
    connection.answer(0, b"go away", flags=0x14)
    connection.send(5, b"late")
    seen = only(recording.write())
    assert (seen.request_bytes, seen.response_bytes) == (9, 0)


def test_half_closed_connections_go_on_counting(wire: Any, recording: Any, talk: Any) -> None:
    hello = wire.real_hello(HOST)
    connection = talk(recording)
    connection.open()
    connection.send(0, hello)
    connection.send(len(hello), b"", flags=0x11)
    recording.at += 1000
    connection.answer(0, bytes(50_000))
    assert only(recording.write()).response_bytes == 50_000


def test_closed_connections_are_let_go_and_late_packets_stay_theirs(wire: Any, recording: Any, talk: Any) -> None:
    old = talk(recording)
    old.open()
    old.send(0, b"x" * 100)
    old.reset(100)
    recording.at += LINGER_S / 2
    talk(recording, client_port=50001).open()
    old.send(0, b"x" * 100)
    recording.at += LINGER_S
    talk(recording, client_port=50002).open()
    seen = list(connections(recording.write()))
    assert [(one.client, one.request_bytes) for one in seen] == [
        ("10.0.0.1:50000", 100),
        ("10.0.0.1:50001", 0),
        ("10.0.0.1:50002", 0),
    ]


def test_ipv6_and_its_extension_headers(wire: Any, recording: Any, talk: Any) -> None:
    hello = wire.real_hello(HOST)
    connection = talk(recording, client="fd00::1", server="fd00::2")
    connection.open()
    connection.send(0, hello)
    at, packet = recording.packets[-1]
    options = struct.pack(">BBHI", 60, 0, 0, 0) + struct.pack(">BB6x", 44, 0) + struct.pack(">BBHI", 6, 0, 1, 7)
    length = struct.pack(">H", len(packet) - 40 + len(options))
    recording.packets[-1] = (at, packet[:4] + length + b"\x00" + packet[7:40] + options + packet[40:])
    seen = only(recording.write())
    assert (seen.client, seen.server) == ("[fd00::1]:50000", "[fd00::2]:443")
    assert (seen.host, seen.request_bytes) == (HOST, len(hello))


def test_ipv4_options_fragments_and_offloaded_lengths(wire: Any, recording: Any, talk: Any) -> None:
    hello = wire.real_hello(HOST)
    connection = talk(recording)
    connection.open()
    connection.send(0, hello)
    at, packet = recording.packets[-1]
    with_options = b"\x46" + packet[1:2] + struct.pack(">H", len(packet) + 4) + packet[4:20] + bytes(4) + packet[20:]
    later_fragment = packet[:6] + b"\x00\x10" + packet[8:]
    without_length = packet[:2] + b"\x00\x00" + packet[4:]
    recording.packets[-1:] = [(at, with_options), (at, later_fragment), (at, without_length)]
    connection.send(len(hello), bytes(1000))
    at, packet = recording.packets[-1]
    recording.packets[-1] = (at, packet[:2] + b"\x00\x00" + packet[4:])
    seen = only(recording.write())
    assert (seen.host, seen.request_bytes) == (HOST, len(hello) + 1000)


def quic_flight(version: int, host: str = HOST) -> bytes:
    configuration = QuicConfiguration(
        is_client=True, server_name=host, alpn_protocols=["h3"], original_version=version, supported_versions=[version]
    )
    client = QuicConnection(configuration=configuration)
    client.connect(("10.0.0.2", 443), now=0.0)
    return client.datagrams_to_send(now=0.0)[0][0]


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
def test_quic_flows_count_every_datagram(recording: Any, version: int) -> None:
    flight = quic_flight(version)
    recording.udp(flight)
    recording.udp(flight)
    recording.udp(b"\xc0" + flight[1:5] + bytes(1195), back=True)
    recording.udp(b"\x40" + bytes(899))
    recording.udp(b"\x40" + bytes(1199), back=True)
    seen = only(recording.write())
    assert seen == SeenConnection(
        transport="quic",
        client="10.0.0.1:50000",
        server="10.0.0.2:443",
        host=HOST,
        request_bytes=2 * len(flight) + 900,
        response_bytes=2400,
        exchanges=1,
        hidden=None,
    )
    (one,) = told(recording.path)
    assert one.exchange.request_bytes == 2 * len(flight) + 900


def test_another_quic_connection_on_the_same_ports_has_its_own_name(recording: Any) -> None:
    first = quic_flight(QuicProtocolVersion.VERSION_1)
    second = quic_flight(QuicProtocolVersion.VERSION_1, "example.org")
    for flight, answer in ((first, 1000), (second, 2000)):
        recording.udp(flight)
        recording.udp(b"\x40" + bytes(answer - 1), back=True)
    seen = list(connections(recording.write()))
    assert [(one.host, one.request_bytes, one.response_bytes) for one in seen] == [
        (HOST, len(first), 1000),
        ("example.org", len(second), 2000),
    ]


def test_a_client_that_a_server_sends_back_stays_one_connection(recording: Any) -> None:
    """Retry, after which the client's hello comes under another id."""
    flights = [quic_flight(QuicProtocolVersion.VERSION_1) for _ in range(2)]
    recording.udp(flights[0])
    recording.udp(b"\xf0" + flights[0][1:5] + b"\0\x04abcd" + bytes(40), back=True)
    recording.udp(flights[1])
    assert only(recording.write()).request_bytes == sum(map(len, flights))


def test_a_quic_flow_that_begins_with_a_handshake_packet_began_before(recording: Any) -> None:
    recording.udp(b"\xe0\0\0\0\x01\x04abcd" + bytes(1300), port=7443, back=True)
    seen = only(recording.write())
    assert (seen.client, seen.opened_before) == ("10.0.0.1:50000", True)


def test_other_udp_is_no_quic_flow(recording: Any) -> None:
    recording.udp(b"\x12\x34\x01\x00" + bytes(30), port=53)
    recording.udp(b"\x80\x60" + bytes(200), port=5004)
    recording.udp(b"\x16\xfe\xfd" + bytes(200), port=443)
    recording.udp(b"\x00\x01\x00\x08" + bytes(16), port=443)
    recording.udp(b"\x40" + bytes(100), port=4500)
    recording.udp(b"", port=443)
    assert list(connections(recording.write())) == []


def test_a_quic_flow_seen_from_its_middle_has_no_name(recording: Any) -> None:
    recording.udp(b"\x45" + bytes(99), back=True)
    recording.udp(b"\x46" + bytes(49))
    seen = only(recording.write())
    assert (seen.client, seen.host, seen.request_bytes, seen.response_bytes) == ("10.0.0.1:50000", None, 50, 100)


def ask(connection: Any, hello: bytes, place: int = 0) -> None:
    """One exchange: handshake, request, response."""
    finished = b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x45" + bytes(69)
    request = b"\x17\x03\x03\x04\x00" + bytes(1024)
    connection.send(place, hello)
    connection.answer(0, bytes(3000))
    connection.send(place + len(hello), finished + request)
    connection.answer(3000, bytes(10_000))


def test_only_known_hosts_on_watched_ports_are_told(wire: Any, recording: Any, talk: Any) -> None:
    for number, (host, port) in enumerate(
        [(HOST, 443), ("accounts.google.com", 443), (HOST, 8443), (HOST + ".evil", 443)]
    ):
        connection = talk(recording, client_port=50000 + number, server_port=port)
        connection.open()
        ask(connection, wire.real_hello(host))
    path = recording.write()
    assert len(list(connections(path))) == 4
    (one,) = told(path)
    assert (one.provider_host, one.uid, one.exchange.response_bytes) == (HOST, None, 13_000)
    assert len(told(path, 443, 8443)) == 2


def test_a_tunnel_counts_its_prelude_and_shows_its_name(wire: Any, recording: Any, talk: Any) -> None:
    connect = b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n"
    connection = talk(recording, server_port=3128)
    connection.open()
    connection.send(0, connect)
    ask(connection, wire.real_hello(HOST), place=len(connect))
    seen = only(recording.write())
    assert (seen.host, seen.exchanges) == (HOST, 1)
    (one,) = told(recording.path, 3128)
    assert one.exchange.request_bytes == seen.request_bytes == len(connect) + len(wire.real_hello(HOST)) + 80 + 1029


def test_plain_http_has_exchanges_and_no_name(recording: Any, talk: Any) -> None:
    connection = talk(recording)
    connection.open()
    request = b"POST /v1 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n"
    for turn in range(3):
        connection.send(turn * len(request), request)
        connection.answer(turn * 500, bytes(500))
    seen = only(recording.write())
    assert (seen.host, seen.exchanges) == (None, 3)


def test_garbage_is_passed_over(recording: Any, talk: Any) -> None:
    chance = random.Random(1)
    for _ in range(500):
        recording.add(bytes((chance.choice((0x45, 0x46, 0x60, 0x00)),)) + chance.randbytes(chance.randrange(60)))
    talk(recording).open()
    for link_type in (0, 1, 101, 108, 113, 276):
        for one in connections(recording.write(link_type=link_type)):
            assert one.host is None

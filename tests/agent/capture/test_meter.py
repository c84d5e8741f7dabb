"""Exchanges told from sizes and turns. Record lengths are those of real clients."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.capture.meter import Form, Meter, PlainMeter, QuicMeter, TlsMeter
from toktra.agent.capture.observed import Exchange

CCS, HANDSHAKE, DATA = 20, 22, 23


class Tls:
    """A TLS connection with a clock that stands still unless told."""

    def __init__(self) -> None:
        self.meter = TlsMeter()
        self.now = 1000.0
        self.told: list[Exchange] = []

    def client(self, *records: tuple[int, int], inside: bool = False, size: int | None = None) -> None:
        size = size if size is not None else sum(length + 5 for _, length in records)
        self._keep(self.meter.sent(size, self.now, records, inside_record=inside))

    def data(self, *lengths: int) -> None:
        for length in lengths:
            self.client((DATA, length))

    def server(self, *sizes: int) -> None:
        for size in sizes:
            self._keep(self.meter.received(size, self.now))

    def close(self) -> list[Exchange]:
        self._keep(self.meter.close())
        assert sum(one.request_bytes + one.control_bytes for one in self.told) in {0, self.meter.sent_bytes}
        return self.told

    def handshake(self, finished: int = 69, tickets: tuple[int, ...] = (311, 311)) -> None:
        self.client((HANDSHAKE, 512))
        self.server(1448, 208)
        self.client((CCS, 1), (DATA, finished))
        self.server(*tickets)

    def _keep(self, exchange: Exchange | None) -> None:
        if exchange is not None:
            self.told.append(exchange)


def test_one_request_holds_the_handshake_and_its_close_is_control() -> None:
    tls = Tls()
    tls.handshake()
    tls.now += 1
    tls.data(1090)
    tls.server(1448, 1448, 700)
    tls.data(19)
    (one,) = tls.close()
    assert (one.request_bytes, one.control_bytes, one.response_bytes) == (517 + 80 + 1095, 24, 1656 + 622 + 3596)
    assert (one.segments_out, one.segments_in) == (3, 7)
    assert one.first_on_connection
    assert not one.continued
    assert (one.started_at, one.first_byte_at) == (1001.0, 1001.0)


@pytest.mark.parametrize("noise", [(26,), (30,), (34,), (39,), (43,), (19,), (22,), (47,), (26, 30, 43, 30, 43)])
def test_acks_window_updates_and_pings_are_no_requests(noise: tuple[int, ...]) -> None:
    tls = Tls()
    tls.handshake()
    tls.data(87, 473, 826)
    for length in noise:
        tls.server(1448)
        tls.data(length)
    tls.server(1448)
    (one,) = tls.close()
    assert one.control_bytes == sum(noise) + 5 * len(noise)


def test_turns_are_exchanges() -> None:
    tls = Tls()
    tls.handshake()
    for _ in range(5):
        tls.data(91, 3026)
        tls.server(35, 251, 1448)
        tls.data(26)
    told = tls.close()
    assert [one.request_bytes for one in told[1:]] == [96 + 3031] * 4
    assert [one.first_on_connection for one in told] == [True, False, False, False, False]
    assert tls.meter.exchanges == 5


@pytest.mark.parametrize("records", [(), (87,), (64 - 1,), (98,)])
def test_a_connection_opened_ahead_has_no_exchange(records: tuple[int, ...]) -> None:
    """Chromium's second connection: a handshake, perhaps an HTTP/2 preface, and a close."""
    tls = Tls()
    tls.handshake()
    tls.data(*records)
    tls.server(71, 31)
    tls.data(26)
    tls.data(19)
    assert tls.close() == []
    assert tls.meter.exchanges == 0
    assert tls.meter.sent_bytes == 517 + 80 + sum(records) + 5 * len(records) + 31 + 24


def test_a_request_of_the_length_of_a_preface_shows_by_its_answer() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(98)
    tls.server(1448, 1448)
    (one,) = tls.close()
    assert tls.meter.exchanges == 1
    assert one.request_bytes == 517 + 80 + 103


def test_tls_1_2_with_and_without_a_client_certificate() -> None:
    for flight in ([(HANDSHAKE, 37)], [(HANDSHAKE, 1046), (HANDSHAKE, 37), (HANDSHAKE, 79)]):
        tls = Tls()
        tls.client((HANDSHAKE, 206))
        tls.server(1448, 33)
        tls.client(*flight, (CCS, 1), (HANDSHAKE, 40))
        tls.server(274)
        for _ in range(2):
            tls.data(79)
            tls.server(186, 1448)
        tls.client((21, 26))
        assert len(tls.close()) == 2


@pytest.mark.parametrize(
    "flight", [[1068, 96, 69], [1068, 281, 53], [25, 69], [1233]], ids=["ECDSA", "RSA", "none", "in one record"]
)
def test_tls_1_3_client_certificates_are_no_requests(flight: list[int]) -> None:
    tls = Tls()
    tls.client((HANDSHAKE, 512))
    tls.server(1448, 34)
    tls.client((CCS, 1), *[(DATA, length) for length in flight])
    tls.server(831, 831)
    assert tls.meter.exchanges == 0
    tls.data(87, 473)
    tls.server(1448, 1448)
    tls.data(826)
    tls.server(1448)
    assert len(tls.close()) == 2


def test_hello_retry_is_still_the_handshake() -> None:
    tls = Tls()
    tls.client((HANDSHAKE, 299))
    tls.server(99)
    tls.client((CCS, 1), (HANDSHAKE, 364))
    tls.server(1448, 252)
    tls.data(69)
    tls.server(590)
    tls.data(72)
    tls.server(179, 1448)
    assert len(tls.close()) == 1


def test_early_data_is_the_request_and_the_handshake_no_answer_to_it() -> None:
    tls = Tls()
    tls.client((HANDSHAKE, 550), (CCS, 1), (DATA, 119))
    tls.now += 0.1
    tls.server(249)
    tls.now += 0.1
    tls.data(21, 69)
    tls.now += 0.1
    tls.server(340, 152)
    (one,) = tls.close()
    assert one.started_at == 1000.0
    assert one.first_byte_at == pytest.approx(1000.3)


def test_tickets_between_headers_and_body_do_not_end_the_request() -> None:
    tls = Tls()
    tls.handshake(tickets=())
    tls.data(82, 99)
    tls.server(311, 311)
    tls.data(3026)
    tls.server(1448)
    (one,) = tls.close()
    assert one.request_bytes == 517 + 80 + 87 + 104 + 3031


def test_an_upload_is_one_request_whatever_the_server_says_meanwhile() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(191)
    tls.server(47)  # 100 Continue
    for _ in range(10):
        tls.client((DATA, 16401), inside=True, size=14480)
        tls.now += 0.05
        tls.server(35, 48, 622)
        tls.client(size=16406 - 14480)
    tls.server(252, 1448)
    (one,) = tls.close()
    assert one.request_bytes == 517 + 80 + 196 + 164060


def test_window_updates_of_a_long_upload_do_not_end_it() -> None:
    """The client waits for each of them at a record's end, so nothing is inside a record."""
    tls = Tls()
    tls.handshake()
    tls.data(87, 473)
    for _ in range(20):
        tls.data(16401)
        tls.server(48, 35, 35, 70, 48, 105)
    tls.data(9000)
    tls.server(53, 31)  # a short answer
    tls.data(62)
    tls.server(1448)
    assert len(tls.close()) == 2


@pytest.mark.parametrize("said", [(61,), (74, 61), (44, 113), (113, 35), (477,), (606, 73, 31), (70, 83, 61)], ids=str)
def test_what_a_server_says_while_full_records_come_does_not_end_the_upload(said: tuple[int, ...]) -> None:
    """Go, nginx and python-h2 servers: any number of window updates in a record, tickets and SETTINGS at once."""
    tls = Tls()
    tls.handshake(tickets=())
    tls.data(99, 196, 16401)
    tls.server(*said)
    tls.data(26, 16401, 26, 10874)
    tls.server(622, 31)
    assert len(tls.close()) == 1


def test_a_servers_settings_after_the_tickets_and_a_request_do_not_end_it() -> None:
    tls = Tls()
    tls.handshake(tickets=(542,))
    tls.data(81, 96)
    tls.server(73)
    tls.data(26, 16401, 10874)
    tls.server(31, 48, 5041, 31)
    assert len(tls.close()) == 1


def test_tickets_and_settings_one_after_the_other_inside_an_upload_do_not_end_it() -> None:
    tls = Tls()
    tls.handshake(tickets=())
    tls.data(81, 97)
    tls.server(542)
    tls.data(16401, 26, 16401, 26)
    tls.server(73)
    tls.data(10874, 26)
    tls.server(31, 48, 5041, 31)
    assert len(tls.close()) == 1


def test_tickets_settings_and_an_ack_between_headers_and_body_do_not_end_the_request() -> None:
    tls = Tls()
    tls.handshake(tickets=())
    tls.data(192)
    tls.server(606, 73, 31)
    tls.data(16401, 10968)
    tls.server(3044)
    assert len(tls.close()) == 1


def test_an_upload_some_time_after_an_answer_as_long_as_window_updates_is_another() -> None:
    tls = Tls()
    tls.handshake()
    for _ in range(3):
        tls.data(30, 16401, 5126)
        tls.server(87, 31)
        tls.now += 0.3
    assert len(tls.close()) == 3


def test_irregular_records_of_an_upload_are_one_request() -> None:
    """Go's client writes records that grow with the connection, and what its buffer held in between."""
    tls = Tls()
    tls.handshake()
    tls.data(81, 112, 3561, 4740)
    for _ in range(5):
        tls.server(61, 35)
        tls.data(5919, 33, 2269)
    tls.server(252, 1448)
    assert len(tls.close()) == 1


def test_short_answers_to_requests_one_right_after_the_other_are_told_apart() -> None:
    """To a server that sends no tickets, over HTTP/1.1: what follows looks like what was asked before."""
    for request in ([358], [199, 3017], [16401, 16401, 5225]):
        tls = Tls()
        tls.meter.without_http2()
        tls.handshake(tickets=())
        for _ in range(3):
            tls.data(*request)
            tls.server(431)
        assert len(tls.close()) == 3, request


def test_a_client_without_http2_has_no_preface_and_no_window_updates() -> None:
    """Whatever the length of its first request, and of the answer."""
    tls = Tls()
    tls.meter.without_http2()
    tls.handshake(tickets=())
    for _ in range(2):
        tls.data(98)
        tls.server(831)
    tls.data(20_000)
    tls.server(70)
    tls.data(20_000)
    assert len(tls.close()) == 4


def test_a_first_request_of_the_length_of_a_preface_after_all_tickets() -> None:
    """From a client that offered HTTP/2 to a server that speaks HTTP/1.1."""
    tls = Tls()
    tls.handshake(tickets=(311, 311))
    for _ in range(2):
        tls.data(98)
        tls.now += 0.01
        tls.server(431)
        tls.now += 0.01
    assert len(tls.close()) == 2


def test_requests_whose_headers_the_server_mostly_knows() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(81, 70)
    tls.server(1448)
    for length in (40, 41, 36):
        tls.data(length)
        tls.server(38, 51)
        tls.data(26, 30, 34)
    assert len(tls.close()) == 4


def test_a_client_that_pads_its_records() -> None:
    """Java: each record 16 bytes longer, with SHA-384 also Finished; window updates are no requests then either."""
    tls = Tls()
    tls.handshake(finished=85, tickets=())
    tls.data(154)
    tls.server(574, 760)
    tls.data(42, 46, 59)
    tls.server(1448)
    tls.data(46, 50)
    tls.server(1448)
    assert len(tls.close()) == 1


def test_three_seconds_of_silence_end_an_answer_and_the_rest_is_continued() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(1090)
    tls.now += 60  # waiting for the first byte ends nothing
    assert tls.meter.quiet(tls.now) is None
    tls.server(300)
    assert tls.meter.quiet(tls.now + 3.0) is None
    tls.now += 3.5
    tls.server(1448)
    tls.now += 10
    tls.data(19)
    first, rest, end = tls.close()
    assert (first.continued, rest.continued, end.continued) == (False, True, True)
    assert (first.response_bytes, rest.response_bytes, end.response_bytes) == (1656 + 622 + 300, 1448, 0)
    assert (rest.request_bytes, end.request_bytes, end.control_bytes) == (0, 0, 24)
    assert tls.meter.exchanges == 1


def test_keepalive_pings_on_an_idle_connection_tell_nothing() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(1090)
    tls.server(1448)
    for _ in range(20):
        tls.now += 15
        tls.data(34)
        tls.server(39)
    assert len(tls.told) == 1
    tls.now += 15
    tls.data(1090)
    tls.server(1448)
    first, second = tls.close()
    assert first.response_bytes + second.response_bytes == tls.meter.received_bytes


def test_a_request_without_an_answer_is_reported_but_not_counted() -> None:
    tls = Tls()
    tls.handshake()
    tls.data(1090)
    (one,) = tls.close()
    assert (one.first_byte_at, tls.meter.exchanges) == (None, 0)


def test_a_connection_seen_from_its_middle_counts_what_is_seen() -> None:
    meter = TlsMeter(midstream=True)
    meter.received(1448, 1.0)
    for _ in range(2):
        meter.sent(96, 1.0, [(DATA, 91)])
        meter.received(1448, 1.0)
    meter.close()
    assert (meter.exchanges, meter.sent_bytes, meter.received_bytes) == (2, 192, 3 * 1448)


def quic(*turns: tuple[str, int]) -> tuple[QuicMeter, list[Exchange]]:
    """A flow after its handshake; "C" and "S" are short-header datagrams of client and server."""
    meter = QuicMeter()
    found = [meter.sent(1250, 1.0, Form.LONG), meter.received(1200, 1.0, Form.LONG), meter.sent(167, 1.0, Form.LONG)]
    for who, size in turns:
        found.append((meter.sent if who == "C" else meter.received)(size, 1.0, Form.SHORT))
    found.append(meter.close())
    return meter, [one for one in found if one is not None]


def test_quic_acks_are_no_requests() -> None:
    meter, told = quic(("S", 150), ("C", 33), ("C", 486), ("S", 836), ("C", 32), ("S", 1200), ("C", 49))
    assert meter.exchanges == 1
    assert told[0].control_bytes == 32 + 49


def test_quic_turns_are_exchanges() -> None:
    meter, _ = quic(*[("C", 1200), ("C", 728), ("S", 33), ("S", 95), ("C", 33), ("S", 1200)] * 3)
    assert meter.exchanges == 3


def test_quic_settings_alone_are_no_exchange() -> None:
    meter, told = quic(("S", 331), ("C", 76), ("S", 25), ("C", 48))
    assert (meter.exchanges, told) == (0, [])


def test_quic_request_in_the_datagram_of_the_handshake() -> None:
    meter, _ = quic(("S", 331), ("S", 1200), ("C", 33))
    assert meter.exchanges == 1


def test_quic_tickets_inside_an_upload_do_not_end_it() -> None:
    meter, _ = quic(("C", 1200), ("C", 1200), ("S", 325), ("C", 1200), ("C", 734), ("S", 1200))
    assert meter.exchanges == 1


def test_quic_path_mtu_probes_are_no_requests() -> None:
    meter, _ = quic(("C", 486), ("S", 836), ("C", 1350), ("S", 30), ("S", 1200), ("C", 1450), ("S", 900))
    assert meter.exchanges == 1


def test_quic_early_data_is_a_request() -> None:
    meter = QuicMeter()
    meter.sent(1250, 1.0, Form.LONG)
    meter.sent(500, 1.0, Form.EARLY)
    meter.received(1200, 1.0, Form.LONG)
    meter.received(900, 1.0, Form.SHORT)
    assert meter.exchanges == 1


def test_plain_http_turns() -> None:
    meter = PlainMeter(Meter())
    for _ in range(2):
        meter.sent(100, 1.0)
        meter.received(25, 1.0)
        meter.sent(900, 1.0)
        meter.received(200, 1.0)
    assert meter.exchanges == 2


PACKETS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 20000), st.sampled_from([0.0, 0.01, 2.9, 3.1, 60.0])), max_size=40
)


@given(PACKETS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_bytes_are_conserved_whatever_comes(packets: list[tuple[bool, int, float]], over_quic: bool) -> None:
    meter: TlsMeter | QuicMeter = QuicMeter() if over_quic else TlsMeter()
    told = []
    for from_client, size, later, now in (
        (*packet, moment) for packet, moment in zip(packets, count(1.0), strict=False)
    ):
        at = now * 0.001 + later
        if isinstance(meter, QuicMeter):
            told.append((meter.sent if from_client else meter.received)(size, at, Form.SHORT))
        elif from_client:
            told.append(meter.sent(size, at, [(DATA, size % 16384)]))
        else:
            told.append(meter.received(size, at))
    told.append(meter.close())
    found = [one for one in told if one is not None]
    if not found:
        return
    assert sum(one.request_bytes + one.control_bytes for one in found) == meter.sent_bytes
    assert sum(one.response_bytes for one in found) == meter.received_bytes
    assert sum(one.segments_in for one in found) == meter.segments_in
    assert all(one.request_bytes >= 0 and one.control_bytes >= 0 and one.response_bytes >= 0 for one in found)
    assert sum(one.first_on_connection for one in found) == 1
    assert all(one.request_bytes == 0 for one in found if one.continued)

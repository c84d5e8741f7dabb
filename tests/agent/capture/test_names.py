"""Which host a TLS hello names, however it is cut, and that nothing is ever made up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.capture.names import Hello, NoName, Refusal, TlsReader, parse_hello

HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


def feed(stream: bytes, cuts: list[int]) -> Hello | Refusal | None:
    reader = TlsReader()
    ends = sorted({cut % (len(stream) + 1) for cut in cuts} | {len(stream)})
    start = 0
    for end in ends:
        answer = reader.feed(stream[start:end])
        if answer is not None:
            return answer
        start = end
    return None


def host_of(answer: Hello | Refusal | None) -> str | None:
    return answer.host if isinstance(answer, Hello) else None


@given(cuts=st.lists(st.integers(0, 4000), max_size=20), record_bytes=st.integers(1, 600))
@settings(max_examples=200, deadline=None)
def test_any_segmentation_and_record_split_gives_the_same_name(wire: Any, cuts: list[int], record_bytes: int) -> None:
    message = wire.real_hello("api.openai.com")[5:]
    assert host_of(feed(wire.records(message, record_bytes), cuts)) == "api.openai.com"


def test_the_answer_comes_with_the_last_byte_and_not_before(wire: Any) -> None:
    record = wire.real_hello("claude.ai")
    reader = TlsReader()
    assert [reader.feed(record[at : at + 1]) for at in range(len(record) - 1)] == [None] * (len(record) - 1)
    assert host_of(reader.feed(record[-1:])) == "claude.ai"


@given(st.binary(max_size=3000))
@settings(max_examples=500, deadline=None)
def test_arbitrary_bytes_name_nothing(stream: bytes) -> None:
    assert host_of(feed(stream, [])) is None


@given(place=st.integers(5, 600), value=st.integers(0, 255), cut=st.integers(0, 600))
@settings(max_examples=500, deadline=None)
def test_a_damaged_hello_gives_a_dns_name_or_none(wire: Any, place: int, value: int, cut: int) -> None:
    record = bytearray(wire.real_hello("chat.mistral.ai"))
    record[place % len(record)] = value
    host = host_of(feed(bytes(record), [cut]))
    assert host is None or HOST.fullmatch(host)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "data/captures/malformed").glob("*.bin")))
def test_malformed_first_flights_name_no_host(path: Path) -> None:
    expected = json.loads((path.parent / "expected.json").read_text("utf-8"))[path.name]
    assert expected["expect_hostname"] is None
    for step in (1, 7, 1 << 14):
        assert host_of(feed(path.read_bytes(), list(range(0, 1 << 14, step)))) is None


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        (b"API.OpenAI.com", "api.openai.com"),
        (b"api.openai.com.", "api.openai.com"),
        (b"_dns.resolver.arpa", "_dns.resolver.arpa"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"a" * 63 + b".example", "a" * 63 + ".example"),
        (b".".join([b"a" * 49] * 5) + b".abc", "a" * 49 + ("." + "a" * 49) * 4 + ".abc"),
        (b"localhost", "localhost"),
        (b"1.2.3.4.example", "1.2.3.4.example"),
        (b"a" * 64 + b".example", NoName.NOT_A_NAME),
        (b".".join([b"a" * 49] * 5) + b".abcd", NoName.NOT_A_NAME),
        (b"api.openai.com\0.evil.example", NoName.NOT_A_NAME),
        (b"api.openai.com\n", NoName.NOT_A_NAME),
        (b"api.openai.com..", NoName.NOT_A_NAME),
        (b"api..openai.com", NoName.NOT_A_NAME),
        (b".api.openai.com", NoName.NOT_A_NAME),
        (b".", NoName.NOT_A_NAME),
        (b"api.openai.com ", NoName.NOT_A_NAME),
        ("bücher.example".encode(), NoName.NOT_A_NAME),
        (b"10.77.0.10", NoName.ADDRESS),
        (b"10.77.0.10.", NoName.ADDRESS),
        (b"2130706433", NoName.ADDRESS),
        (b"0x7f000001", NoName.ADDRESS),
        (b"127.0x1", NoName.ADDRESS),
        (b"::1", NoName.NOT_A_NAME),
        (b"[::1]", NoName.NOT_A_NAME),
        (b"", NoName.LIST_MALFORMED),
    ],
)
def test_what_counts_as_a_name(wire: Any, sent: bytes, host: str | NoName) -> None:
    answer = parse_hello(wire.message(wire.server_name(sent)))
    assert isinstance(answer, Hello)
    assert (answer.host or answer.no_name) == host


def test_hellos_that_name_two_hosts_or_none(wire: Any) -> None:
    name = wire.server_name(b"api.openai.com")
    two_in_list = wire.extension(0, b"\x00\x22" + 2 * (b"\x00\x00\x0e" + b"api.openai.com"))
    cases = {
        wire.message(name, name): NoName.TWICE,
        wire.message(name, wire.extension(10, b"\0\0"), wire.server_name(b"other.example")): NoName.TWICE,
        wire.message(two_in_list): NoName.LIST_MALFORMED,
        wire.message(wire.server_name(b"api.openai.com", kind=1)): NoName.LIST_MALFORMED,
        wire.message(wire.extension(0, b"")): NoName.LIST_MALFORMED,
        wire.message(wire.extension(10, b"\0\0")): NoName.ABSENT,
    }
    for message, reason in cases.items():
        answer = parse_hello(message)
        assert isinstance(answer, Hello)
        assert (answer.host, answer.no_name) == (None, reason)


def test_lengths_that_do_not_fit_are_refused(wire: Any) -> None:
    message = bytearray(wire.message(wire.server_name(b"api.openai.com")))
    for place, value in ((38, 255), (40, 255), (43, 255), (46, 1)):
        damaged = message.copy()
        damaged[place] = value
        assert parse_hello(bytes(damaged)) is Refusal.MALFORMED, place
    assert parse_hello(bytes(message[:-1])) is Refusal.MALFORMED


def test_what_no_server_would_take_for_a_hello_names_no_host(wire: Any) -> None:
    """Each is well-formed but for the one thing; OpenSSL's and Go's servers end the connection."""
    name, key = wire.server_name(b"api.openai.com"), wire.extension(41, b"\0\0")
    start, end = wire.message(name)[4:38], wire.message(name)[39:]

    def hello(body: bytes) -> bytes:
        return b"\x01" + len(body).to_bytes(3, "big") + body

    taken = [
        hello(start + b"\x20" + bytes(32) + end),
        hello(start + b"\0" + end.replace(b"\x01\0", b"\x02\x01\0", 1)),
        wire.message(name, key),
    ]
    refused = [
        hello(start + b"\x21" + bytes(33) + end),
        hello(start + b"\0" + end.replace(b"\x01\0", b"\0", 1)),
        hello(start + b"\0" + end.replace(b"\x01\0", b"\x01\x01", 1)),
        hello(b"\x02" + start[1:] + b"\0" + end),
        wire.message(key, name),
        wire.message(name) + b"\x0b",
    ]
    assert [host_of(feed(wire.records(message), [])) for message in taken] == ["api.openai.com"] * len(taken)
    assert [feed(wire.records(message), []) for message in refused] == [Refusal.MALFORMED] * len(refused)


def test_a_hello_of_many_records_as_long_as_a_server_takes_is_read(wire: Any) -> None:
    """A session ticket can hold a client's certificates."""
    name = wire.server_name(b"api.openai.com")
    long = wire.message(wire.extension(35, bytes(60_000)), name)
    assert host_of(feed(wire.records(long), [*range(0, len(long), 1448)])) == "api.openai.com"
    assert feed(wire.records(b"\x01\x02\x02" + bytes(1448)), []) is Refusal.TOO_LONG


def test_what_is_no_hello_is_refused_with_the_first_bytes(wire: Any) -> None:
    assert TlsReader().feed(b"GET / HTTP/1.1") is Refusal.NOT_TLS
    assert TlsReader().feed(b"\x16\x02") is Refusal.NOT_TLS
    assert TlsReader().feed(b"\x16\x03\x01\x00\x00") is Refusal.NOT_TLS
    assert TlsReader().feed(b"\x16\x03\x01\x01\x00\x02") is Refusal.NOT_A_HELLO
    assert TlsReader().feed(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff") is Refusal.TOO_LONG
    split = wire.message(wire.server_name(b"api.openai.com"))
    assert TlsReader().feed(wire.records(split[:20]) + b"\x17\x03\x03\x00\x01") is Refusal.NOT_A_HELLO


def test_a_hello_cut_by_the_capture_tells_what_lies_before_the_cut(wire: Any) -> None:
    name, long = wire.server_name(b"api.openai.com"), wire.extension(21, bytes(500))
    before, after = wire.message(name, long), wire.message(long, name)
    for message, host in ((before, "api.openai.com"), (after, None)):
        reader = TlsReader()
        assert reader.feed(wire.records(message)[:200]) is None
        assert host_of(reader.cut()) == host
    name_cut = TlsReader()
    assert name_cut.feed(wire.records(before)[:70]) is None
    assert host_of(name_cut.cut()) is None


def ech(wire: Any, payload_bytes: int, *, enc_bytes: int = 32) -> bytes:
    body = b"\x00\x00\x01\x00\x01\x42" + enc_bytes.to_bytes(2, "big") + bytes(enc_bytes)
    found: bytes = wire.extension(0xFE0D, body + payload_bytes.to_bytes(2, "big") + bytes(payload_bytes))
    return found


GREASE = b"\x3a\x3a\x13\x01"


@pytest.mark.parametrize(
    ("client", "host", "payload_bytes", "suites", "hidden"),
    [
        ("Chromium without a configuration", b"example.org", 144, GREASE, False),
        ("Chromium without a configuration", b"example.org", 240, GREASE, False),
        ("Firefox without a configuration", b"example.org", 239, b"\x13\x01", False),
        ("Chromium, real", b"cloudflare-ech.com", 208, GREASE, True),
        ("Firefox, real", b"cloudflare-ech.com", 239, b"\x13\x01", True),
        ("Chromium, real, with a long inner hello", b"front.example", 304, GREASE, True),
        ("Go, real", b"front.example", 144, b"\x13\x01", True),
    ],
)
def test_real_ech_is_told_from_the_random_kind(
    wire: Any, client: str, host: bytes, payload_bytes: int, suites: bytes, hidden: bool
) -> None:
    answer = parse_hello(wire.message(wire.server_name(host), ech(wire, payload_bytes), suites=suites))
    assert isinstance(answer, Hello)
    assert answer.hidden is hidden, client


def test_chromium_over_quic_sends_random_ech_without_reserved_suites(wire: Any) -> None:
    extensions = wire.server_name(b"example.org"), wire.extension(57, b""), ech(wire, 208)
    answer = parse_hello(wire.message(*extensions))
    assert isinstance(answer, Hello)
    assert not answer.hidden


@pytest.mark.parametrize(
    ("protocols", "offered"),
    [
        ([b"h2", b"http/1.1"], True),
        ([b"http/1.1", b"h2"], True),
        ([b"http/1.1"], False),
        ([b"h2c", b"xh2"], False),
        ([], False),
        (None, False),
    ],
)
def test_whether_http2_is_offered(wire: Any, protocols: list[bytes] | None, offered: bool) -> None:
    extensions = [wire.server_name(b"api.openai.com")]
    if protocols is not None:
        names = b"".join(bytes((len(name),)) + name for name in protocols)
        extensions.append(wire.extension(16, len(names).to_bytes(2, "big") + names))
    answer = parse_hello(wire.message(*extensions))
    assert isinstance(answer, Hello)
    assert answer.offers_http2 is offered


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_damaged_list_of_protocols_is_no_error(wire: Any, body: bytes) -> None:
    answer = parse_hello(wire.message(wire.extension(16, body), wire.server_name(b"claude.ai")))
    assert host_of(answer) == "claude.ai"
    assert isinstance(answer, Hello)
    assert answer.offers_http2 in (True, False)

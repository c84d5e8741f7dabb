"""Hellos behind what a client tells a proxy or a mail server first, cut at every place."""

from __future__ import annotations

from typing import Any

import pytest

from toktra.agent.capture.names import Hello, Refusal
from toktra.agent.capture.tcp import ClientStream

CONNECT = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n"
START_TLS = b"1.3.6.1.4.1.1466.20037"
PRELUDES = {
    "CONNECT": CONNECT,
    "CONNECT again with credentials": CONNECT + CONNECT[:-2] + b"Proxy-Authorization: Basic eDp5\r\n\r\n",
    "SOCKS5, name": b"\x05\x01\x00" + b"\x05\x01\x00\x03\x0eapi.openai.com\x01\xbb",
    "SOCKS5, IPv4, two methods": b"\x05\x02\x00\x02" + b"\x05\x01\x00\x01\x0a\x00\x00\x02\x01\xbb",
    "SOCKS5, IPv6, password": b"\x05\x01\x02" + b"\x01\x03joe\x02pw" + b"\x05\x01\x00\x04" + bytes(16) + b"\x01\xbb",
    "SOCKS4": b"\x04\x01\x01\xbb\x0a\x00\x00\x02joe\x00",
    "SOCKS4a": b"\x04\x01\x01\xbb\x00\x00\x00\x01joe\x00api.openai.com\x00",
    "SMTP": b"EHLO laptop\r\nSTARTTLS\r\n",
    "IMAP": b"a001 CAPABILITY\r\na002 STARTTLS\r\n",
    "POP3": b"CAPA\r\nSTLS\r\n",
    "FTP": b"AUTH TLS\r\n",
    "XMPP": b"<stream:stream to='a' xmlns='jabber:client'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "XMPP, written out": b'<stream:stream>\n<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"></starttls>',
    "LDAP": b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + START_TLS,
    "LDAP, after a search": b"\x30\x84\0\0\0\x05\x02\x01\x01\x63\0\x30\x1d\x02\x01\x02\x77\x18\x80\x16" + START_TLS,
    "PostgreSQL": b"\0\0\0\x08\x04\xd2\x16\x2f",
    "PostgreSQL, encryption by Kerberos first": b"\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f",
    "MySQL": b"\x20\0\0\x01\x85\xae\x3f\x20\0\0\0\x01\x21" + bytes(23),
    "RDP": b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0",
    "PROXY 1": b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 443\r\n",
    "PROXY 2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(8) + b"\xc3\x50\x01\xbb",
    "PROXY 1 and SMTP": b"PROXY UNKNOWN\r\nEHLO laptop\r\nSTARTTLS\r\n",
    "CONNECT and SMTP": CONNECT + b"EHLO laptop\r\nSTARTTLS\r\n",
}


@pytest.mark.parametrize("kind", PRELUDES)
def test_the_hello_behind_a_prelude_is_read(wire: Any, kind: str) -> None:
    record = wire.real_hello("api.openai.com")
    stream = PRELUDES[kind] + record
    for cut in range(1, len(PRELUDES[kind]) + 10):
        client = ClientStream(0, midstream=False)
        found = client.take(0, stream[:cut], cut) + client.take(cut, stream[cut:], len(stream) - cut)
        assert isinstance(client.answer, Hello), cut
        assert client.answer.host == "api.openai.com"
        assert found == [(22, len(record) - 5)], cut


@pytest.mark.parametrize(
    "stream",
    [
        b"\x05\x01\x00\x05\x01\x00\x09\x00\x00\x00\x00\x00\x00\x00",
        b"CONNECT a:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
        b"\x00\x00\x00\x09",
        b"A" * 20000,
        b"SSH-2.0-client\r\n" + bytes(20),
        b"PROXY " + b"A" * 200,
        b"\x30\x05\x02\x01\x01\x63\0\x16\x03\x01",
        b"\0\0\0\x08\x04\xd2\x16\x2e",
        b"\x20\0\0\x01" + bytes(32),
        b"\x03\0\0\x13\x0e\xd0" + bytes(20),
        b"<message/>" + bytes(20),
        b"EHLO laptop\r\nSTARTTLS\r\nMAIL FROM:<a@example.org>\r\n",
    ],
)
def test_what_leads_to_no_hello_is_refused(stream: bytes) -> None:
    client = ClientStream(0, midstream=False)
    client.take(0, stream, len(stream))
    assert client.answer is Refusal.NOT_TLS


def test_a_prelude_cut_by_the_capture_is_over_with_its_segment(wire: Any) -> None:
    record = wire.real_hello("api.openai.com")
    client = ClientStream(0, midstream=False)
    client.take(0, CONNECT[:20], len(CONNECT))
    client.take(len(CONNECT), record, len(record))
    assert isinstance(client.answer, Hello)
    assert client.answer.host == "api.openai.com"

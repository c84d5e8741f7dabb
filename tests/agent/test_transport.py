"""Real requests over real sockets: signed, verified, bounded, and never in the clear beyond this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.epochs import EpochCounter
from toktra.agent.server_address import ServerAddressNotUsable, server_address
from toktra.agent.spool import UNNUMBERED, Spool
from toktra.agent.transport import CertificateAuthorityNotUsable, Transport, Unreachable
from toktra.agent.uplink import BATCHES_PATH, Link, Uplink
from toktra.wire.events import BatchAccepted, UsageEvent, decode_batch, encode
from toktra.wire.signatures import InvalidSignature, KeyId, claimed_key_id, verify

Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], Any]
"""See the fixture."""
KEY_ID = str(KeyId(UUID(int=1), UUID(int=2)))
KEY = Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://toktra.example.org", "https://toktra.example.org"),
        (" https://toktra.example.org/ ", "https://toktra.example.org"),
        ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("http://[::1]:8420", "http://[::1]:8420"),
        ("http://localhost:8420/", "http://localhost:8420"),
    ],
)
def test_addresses_that_are_taken(text: str, address: str) -> None:
    assert server_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://toktra.example.org", "unencrypted"),
        ("http://192.0.2.7:8420", "unencrypted"),
        ("http://localhost.example.org", "unencrypted"),
        ("toktra.example.org", "not the address"),
        ("ftp://toktra.example.org", "not the address"),
        ("https://", "not the address"),
        ("https://toktra.example.org:99999", "not the address"),
        ("https://alice:secret@toktra.example.org", "more than the address"),
        ("https://toktra.example.org/?tenant=1", "more than the address"),
    ],
)
def test_addresses_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(ServerAddressNotUsable, match=why):
        server_address(text)


def test_batches_arrive_signed_over_http(tmp_path: Path, serve: Serve) -> None:
    last_seq = 0

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        nonlocal last_seq
        assert claimed_key_id(request.headers) == KEY_ID
        verify(
            method="POST",
            url=f"https://any.example{request.path}",
            headers=request.headers,
            body=request.body,
            key_id=KEY_ID,
            public_key=KEY.public_key(),
        )
        batch = decode_batch(request.body)
        last_seq = batch.prev_seq + len(batch.events)
        return 200, {}, encode(BatchAccepted(epoch=batch.epoch, last_seq=last_seq))

    server = serve(answer)
    spool = Spool(tmp_path / "spool.sqlite", EpochCounter(tmp_path / "epoch"))
    spool.append([usage(mark) for mark in range(1, 1_201)])
    transport = Transport(server=server.url, key_id=KEY_ID, private_key=KEY)
    uplink = Uplink(
        spool,
        transport.post,
        device=str(UUID(int=2)),
        agent_version="0.1.0",
        estimator_version="1",
        monotonic=lambda: 0.0,
        now=lambda: datetime.now(UTC),
        jitter=lambda: 0.0,
    )
    with closing(transport):
        for _ in range(4):
            uplink.step(at_once=True)

    assert uplink.condition.link is Link.CONNECTED, uplink.condition.because
    batches = [decode_batch(request.body) for request in server.requests]
    assert [len(batch.events) for batch in batches] == [0, 500, 500, 200]
    assert [one.response_bytes for batch in batches for one in batch.events] == list(range(1, 1_201))
    assert spool.counts().waiting == 0


def test_a_changed_body_is_no_longer_signed(serve: Serve) -> None:
    server = serve(lambda _: (200, {}, b"{}"))
    with closing(Transport(server=server.url, key_id=KEY_ID, private_key=KEY)) as transport:
        transport.post("/ingest/v1/batches", b'{"epoch":1}', 5.0)
    request = server.requests[0]

    with pytest.raises(InvalidSignature):
        verify(
            method="POST",
            url=f"https://any.example{request.path}",
            headers=request.headers,
            body=b'{"epoch":2}',
            key_id=KEY_ID,
            public_key=KEY.public_key(),
        )


def test_redirects_are_not_followed(serve: Serve) -> None:
    server = serve(lambda _: (307, {"Location": "/elsewhere"}, b""))
    with closing(Transport(server=server.url, key_id=KEY_ID, private_key=KEY)) as transport:
        assert transport.post("/ingest/v1/batches", b"{}", 5.0).status == 307

    assert [request.path for request in server.requests] == ["/ingest/v1/batches"]


def test_an_endless_answer_is_cut_and_the_next_request_works(serve: Serve) -> None:
    server = serve(lambda _: (200, {"Retry-After": "7"}, b"x" * 1_000_000))
    with closing(Transport(server=server.url, key_id=KEY_ID, private_key=KEY)) as transport:
        for _ in range(2):
            answer = transport.post("/ingest/v1/batches", b"{}", 5.0)
            assert (answer.status, len(answer.body), answer.retry_after) == (200, 64 << 10, "7")


def test_a_connection_the_server_has_ended_is_replaced_without_a_word() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        accepted: list[socket.socket] = []

        def answer() -> None:
            connection = listener.accept()[0]
            accepted.append(connection)
            while not connection.recv(65_536).endswith(b"{}"):
                pass
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        with closing(Transport(server=address, key_id=KEY_ID, private_key=KEY)) as transport:
            for _ in range(2):
                server = threading.Thread(target=answer)
                server.start()
                assert transport.post("/ingest/v1/batches", b"{}", 5.0).status == 204
                server.join()
                accepted[-1].close()
    assert len(accepted) == 2


def test_an_answer_that_breaks_off_is_none() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def answer() -> None:
            with listener.accept()[0] as connection:
                while not connection.recv(65_536).endswith(b"{}"):
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"{")

        server = threading.Thread(target=answer)
        server.start()
        with (
            closing(Transport(server=address, key_id=KEY_ID, private_key=KEY)) as transport,
            pytest.raises(Unreachable, match="broke off, 19 bytes"),
        ):
            transport.post("/ingest/v1/batches", b"{}", 5.0)
        server.join()


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with (
        closing(Transport(server=f"http://127.0.0.1:{port}", key_id=KEY_ID, private_key=KEY)) as transport,
        pytest.raises(Unreachable, match=r"cannot be reached .* Check the address and the network"),
    ):
        transport.post("/ingest/v1/batches", b"{}", 5.0)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as silent,
        closing(
            Transport(server=f"http://127.0.0.1:{silent.getsockname()[1]}", key_id=KEY_ID, private_key=KEY)
        ) as transport,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        transport.post("/ingest/v1/batches", b"{}", 0.2)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_port(authority: trustme.CA) -> int:
    """A TLS server for localhost that answers one request with 204."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer_once() -> None:
        with listener, listener.accept()[0] as connection:
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    while not secure.recv(65_536).endswith(b"{}"):
                        pass
                    secure.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            except OSError:
                pass  # the client turned away from our certificate, as it should

    threading.Thread(target=answer_once, daemon=True).start()
    return int(listener.getsockname()[1])


def test_a_certificate_of_a_given_authority_is_trusted(tls_port: int, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    transport = Transport(
        server=f"https://localhost:{tls_port}", key_id=KEY_ID, private_key=KEY, ca_file=tmp_path / "ca.pem"
    )
    with closing(transport):
        assert transport.post("/ingest/v1/batches", b"{}", 5.0).status == 204


def test_an_unknown_certificate_is_not_trusted(tls_port: int) -> None:
    with (
        closing(Transport(server=f"https://localhost:{tls_port}", key_id=KEY_ID, private_key=KEY)) as transport,
        pytest.raises(Unreachable, match=r"not one this device trusts .* --ca"),
    ):
        transport.post("/ingest/v1/batches", b"{}", 5.0)


def test_a_certificate_for_another_name_is_not_trusted(tls_port: int, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    transport = Transport(
        server=f"https://127.0.0.1:{tls_port}", key_id=KEY_ID, private_key=KEY, ca_file=tmp_path / "ca.pem"
    )
    with closing(transport), pytest.raises(Unreachable, match="not one this device trusts"):
        transport.post("/ingest/v1/batches", b"{}", 5.0)


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(CertificateAuthorityNotUsable, match=r"ca\.pem holds no certificate"):
        Transport(server="https://localhost", key_id=KEY_ID, private_key=KEY, ca_file=tmp_path / "ca.pem")


def usage(mark: int) -> UsageEvent:
    return UsageEvent(
        sequence=UNNUMBERED,
        provider_host="api.openai.com",
        request_bytes=2_000,
        response_bytes=mark,
        estimated_input_tokens=300,
        estimated_output_tokens=40,
        at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        device=str(UUID(int=2)),
        user="alice",
    )


def test_an_organisation_that_moved_is_followed_once_and_remembered(serve: Serve) -> None:
    there = serve(lambda _: (200, {}, b"{}"))
    here = serve(lambda request: (308, {"Location": f"{there.url}{request.path}"}, b"{}"))
    moved: list[str] = []
    transport = Transport(server=here.url, key_id=KEY_ID, private_key=KEY, moved=moved.append)
    with closing(transport):
        answers = [transport.post(BATCHES_PATH, b"{}", 5.0).status for _ in range(2)]
    assert answers == [200, 200]
    assert moved == [there.url]
    assert (len(here.requests), len(there.requests)) == (1, 2)
    request = there.requests[0]
    verify(
        method="POST",
        url=there.url + BATCHES_PATH,
        headers=request.headers,
        body=request.body,
        key_id=KEY_ID,
        public_key=KEY.public_key(),
    )


@pytest.mark.parametrize(
    "location", [None, "https://other.example.org/elsewhere", "http://other.example.org{path}", "ftp://x{path}"]
)
def test_a_server_that_sends_on_to_just_anywhere_is_not_followed(serve: Serve, location: str | None) -> None:
    headers = {} if location is None else {"Location": location.format(path=BATCHES_PATH)}
    here = serve(lambda _: (308, headers, b"{}"))
    moved: list[str] = []
    transport = Transport(server=here.url, key_id=KEY_ID, private_key=KEY, moved=moved.append)
    with closing(transport):
        assert transport.post(BATCHES_PATH, b"{}", 5.0).status == 308
    assert moved == []


def test_two_servers_that_send_to_one_another_are_not_followed_in_a_circle(serve: Serve) -> None:
    urls: list[str] = []
    one = serve(lambda request: (308, {"Location": f"{urls[1]}{request.path}"}, b"{}"))
    other = serve(lambda request: (308, {"Location": f"{urls[0]}{request.path}"}, b"{}"))
    urls += [one.url, other.url]
    moved: list[str] = []
    transport = Transport(server=one.url, key_id=KEY_ID, private_key=KEY, moved=moved.append)
    with closing(transport):
        assert transport.post(BATCHES_PATH, b"{}", 5.0).status == 308
    assert moved == []
    assert len(one.requests) + len(other.requests) == 2

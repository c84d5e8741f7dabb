"""A code becomes an identity, once; every way it can go wrong leaves the device as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.enrol import AlreadyEnrolled, Connect, EnrolmentFailed, EnrolmentRefused, enrol
from toktra.agent.epochs import EpochCounter
from toktra.agent.errors import AgentError
from toktra.agent.identity import Identity, IdentityNotUsable, NotEnrolled, read_identity
from toktra.agent.spool import Spool
from toktra.agent.state_directory import StateDirectory
from toktra.agent.transport import Answer, Post, Transport, Unreachable
from toktra.wire.enrolment import Enrolled, EnrolmentRequest
from toktra.wire.events import encode
from toktra.wire.signatures import KeyId, claimed_key_id, decode_public_key, verify

Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], Any]
"""See the fixture."""
SERVER = "https://toktra.example.org"


def welcome(tenant: int = 1, device: int = 2) -> Answer:
    key_id = KeyId(UUID(int=tenant), UUID(int=device))
    return Answer(status=200, body=encode(Enrolled(tenant="Example", device=str(key_id.device), key_id=str(key_id))))


def answering(answer: Answer | Exception, keys: list[Ed25519PrivateKey] | None = None) -> Callable[[str], Connect]:
    def connect(server: str) -> Connect:
        del server
        return way

    def way(key_id: str, key: Ed25519PrivateKey) -> Post:
        del key_id
        if keys is not None:
            keys.append(key)

        def post(path: str, body: bytes, timeout_s: float) -> Answer:
            del path, body, timeout_s
            if isinstance(answer, Exception):
                raise answer
            return answer

        return post

    return connect


def try_enrol(
    state: StateDirectory, answer: Answer | Exception, *, again: bool = False, code: str = "acme-abcd-efgh-jkmn",
    keys: list[Ed25519PrivateKey] | None = None,
) -> Identity:  # fmt: skip
    return enrol(state, code=code, server=SERVER, account="alice", again=again, connect=answering(answer, keys))


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


def test_the_request_is_signed_with_the_key_it_brings(state: StateDirectory, serve: Serve) -> None:
    answer = welcome()
    server = serve(lambda _: (answer.status, {}, answer.body))
    transports: list[Transport] = []

    def connect(address: str) -> Connect:
        def way(key_id: str, key: Ed25519PrivateKey) -> Post:
            transports.append(Transport(server=address, key_id=key_id, private_key=key))
            return transports[-1].post

        return way

    identity = enrol(
        state, code="acme-abcd-efgh-jkmn", server=server.url, account="alice", again=False, connect=connect
    )

    with closing(transports[0]):
        [request] = server.requests
    message = msgspec.json.decode(request.body, type=EnrolmentRequest)
    verify(
        method="POST",
        url=f"https://server{request.path}",
        headers=request.headers,
        body=request.body,
        key_id=claimed_key_id(request.headers),
        public_key=decode_public_key(message.public_key),
    )
    assert request.path == "/ingest/v1/enrol"
    assert (message.code, message.account, message.platform) == ("acme-abcd-efgh-jkmn", "alice", "linux")
    assert identity.private_key.public_key() == decode_public_key(message.public_key)


def test_the_identity_is_kept_for_this_account_alone(state: StateDirectory) -> None:
    made = try_enrol(state, welcome())
    kept = read_identity(state.identity)

    assert (kept.server, kept.tenant, kept.device) == (SERVER, "Example", str(UUID(int=2)))
    assert kept.private_key.private_bytes_raw() == made.private_key.private_bytes_raw()
    assert state.identity.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.path.iterdir()] == ["identity.json"]


def test_the_private_key_is_not_shown() -> None:
    identity = Identity(
        server=SERVER, tenant="Example", device="d", key_id="k", private_key=Ed25519PrivateKey.generate()
    )
    assert "private" not in repr(identity)


def test_an_enrolled_device_is_not_enrolled_over(state: StateDirectory) -> None:
    try_enrol(state, welcome())
    before = state.identity.read_bytes()

    with pytest.raises(AlreadyEnrolled, match=r"enrolled with Example at https://toktra\.example\.org .* --again"):
        try_enrol(state, welcome(device=3))

    assert state.identity.read_bytes() == before


def test_again_makes_a_new_key(state: StateDirectory) -> None:
    first = try_enrol(state, welcome())
    second = try_enrol(state, welcome(device=3), again=True)

    assert second.private_key.private_bytes_raw() != first.private_key.private_bytes_raw()
    assert read_identity(state.identity).device == str(UUID(int=3))


@pytest.mark.parametrize(("tenant", "kept"), [(1, True), (9, False)])
def test_what_waits_goes_to_no_other_organisation(state: StateDirectory, tenant: int, kept: bool) -> None:
    try_enrol(state, welcome(tenant=1))
    Spool(state.spool, EpochCounter(state.epoch)).close()

    try_enrol(state, welcome(tenant=tenant, device=3), again=True)

    assert state.spool.exists() is kept
    assert bool(list(state.path.glob("spool-of-former-organisation-*.sqlite"))) is not kept


def test_a_lost_answer_is_asked_for_with_the_same_key(state: StateDirectory) -> None:
    keys: list[Ed25519PrivateKey] = []
    with pytest.raises(Unreachable):
        try_enrol(state, Unreachable("reset"), keys=keys)
    assert state.pending_enrolment.stat().st_mode & 0o777 == 0o600

    try_enrol(state, welcome(), keys=keys)

    assert keys[0].private_bytes_raw() == keys[1].private_bytes_raw()
    assert not state.pending_enrolment.exists()


def test_another_code_gets_another_key(state: StateDirectory) -> None:
    keys: list[Ed25519PrivateKey] = []
    with pytest.raises(Unreachable):
        try_enrol(state, Unreachable("reset"), keys=keys)
    try_enrol(state, welcome(), code="acme-zzzz-zzzz-zzzz", keys=keys)

    assert keys[0].private_bytes_raw() != keys[1].private_bytes_raw()


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(status=403, body=b'{"detail": "This code has been used up."}'), EnrolmentRefused, "has been used up"),
        (
            Answer(status=401, body=b'{"detail": "The signature is old."}'),
            EnrolmentRefused,
            "Check this device's clock",
        ),
        (Answer(status=429), EnrolmentFailed, "again later"),
        (Answer(status=503), EnrolmentFailed, "again later"),
        (Answer(status=404, body=b"<html>"), EnrolmentFailed, "not a Toktra server"),
        (Answer(status=200, body=b"<html>"), EnrolmentFailed, "not a Toktra server"),
        (Answer(status=302), EnrolmentFailed, "not a Toktra server"),
        (
            Answer(status=200, body=encode(Enrolled(tenant="Example", device=str(UUID(int=2)), key_id="rubbish"))),
            EnrolmentFailed,
            "contradicts itself",
        ),
    ],
)
def test_every_refusal_says_what_to_do_and_changes_nothing(
    state: StateDirectory, answer: Answer, error: type[AgentError], text: str
) -> None:
    with pytest.raises(error, match=text):
        try_enrol(state, answer)
    with pytest.raises(NotEnrolled, match="toktra agent enrol CODE --server URL"):
        read_identity(state.identity)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"server": 3}', b"\x00\xff"])
def test_a_damaged_identity_is_named_and_can_be_replaced(state: StateDirectory, content: bytes) -> None:
    state.identity.write_bytes(content)

    with pytest.raises(IdentityNotUsable, match=r"identity\.json cannot be used .* --again"):
        try_enrol(state, welcome())
    try_enrol(state, welcome(), again=True)

    assert read_identity(state.identity).device == str(UUID(int=2))


def test_a_device_of_another_region_is_sent_on_and_stays_there(state: StateDirectory, serve: Serve) -> None:
    home = serve(lambda _: (200, {}, welcome().body))
    elsewhere = serve(lambda _: (308, {"Location": f"{home.url}/ingest/v1/enrol"}, b"{}"))
    transports: list[Transport] = []

    def connect(address: str) -> Connect:
        def way(key_id: str, key: Ed25519PrivateKey) -> Post:
            transports.append(Transport(server=address, key_id=key_id, private_key=key))
            return transports[-1].post

        return way

    identity = enrol(
        state, code="acme-abcd-efgh-jkmn", server=elsewhere.url, account="alice", again=False, connect=connect
    )

    for transport in transports:
        transport.close()
    assert identity.server == home.url == read_identity(state.identity).server
    assert len(home.requests) == len(elsewhere.requests) == 1


@pytest.mark.parametrize("location", [None, "https://other.example.org/", "http://other.example.org/ingest/v1/enrol"])
def test_a_device_is_not_sent_on_to_just_anywhere(state: StateDirectory, location: str | None) -> None:
    with pytest.raises(AgentError):
        try_enrol(state, Answer(status=308, location=location))
    with pytest.raises(NotEnrolled):
        read_identity(state.identity)

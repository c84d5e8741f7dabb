"""A device's new key: whatever breaks off, the device has both keys until it knows which is the server's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.identity import Identity, read_identity, write_identity
from toktra.agent.key_change import KeyNotChanged, change_key
from toktra.agent.state_directory import StateDirectory
from toktra.agent.transport import Answer, Post, Unreachable
from toktra.wire.enrolment import KeyChange, KeyChanged
from toktra.wire.events import encode
from toktra.wire.signatures import KeyId, encode_public_key

KEY_ID = str(KeyId(UUID(int=1), UUID(int=2)))


class Server:
    """Knows one key. `loses` answers on their way; says no to everything when it `refuses`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.public_key = encode_public_key(key.public_key())
        self.loses = 0
        self.refuses = False

    def connect(self, key_id: str, key: Ed25519PrivateKey) -> Post:
        def post(path: str, body: bytes, timeout_s: float) -> Answer:
            del timeout_s
            assert (path, key_id) == ("/ingest/v1/key", KEY_ID)
            wanted = msgspec.json.decode(body, type=KeyChange).public_key
            if self.refuses:
                return Answer(status=403, body=b'{"detail": "This device is revoked."}')
            if encode_public_key(key.public_key()) != self.public_key:
                return Answer(status=401)
            self.public_key = wanted
            if self.loses:
                self.loses -= 1
                raise Unreachable("the connection broke")
            return Answer(status=200, body=encode(KeyChanged(key_id=KEY_ID)))

        return post


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path)
    key = Ed25519PrivateKey.generate()
    identity = Identity(server="https://s", tenant="N", device=str(UUID(int=2)), key_id=KEY_ID, private_key=key)
    write_identity(state.identity, identity)
    return state


def public_key(state: StateDirectory) -> str:
    return encode_public_key(read_identity(state.identity).private_key.public_key())


def try_change(state: StateDirectory, connect: Callable[[str, Ed25519PrivateKey], Post]) -> Identity:
    return change_key(state, read_identity(state.identity), connect=connect)


def test_the_new_key_is_the_servers_and_the_identitys(state: StateDirectory) -> None:
    server, former = Server(read_identity(state.identity).private_key), public_key(state)
    try_change(state, server.connect)
    assert public_key(state) == server.public_key != former
    assert not state.pending_key.exists()


def test_an_answer_that_was_lost_is_asked_for_with_the_new_key(state: StateDirectory) -> None:
    server, former = Server(read_identity(state.identity).private_key), public_key(state)
    server.loses = 2
    for _ in range(2):
        with pytest.raises(Unreachable):
            try_change(state, server.connect)
        assert public_key(state) == former
        assert state.pending_key.stat().st_mode & 0o077 == 0
    try_change(state, server.connect)
    assert public_key(state) == server.public_key != former


def test_a_refusal_changes_nothing(state: StateDirectory) -> None:
    server, former = Server(read_identity(state.identity).private_key), public_key(state)
    server.refuses = True
    with pytest.raises(KeyNotChanged, match="This device is revoked"):
        try_change(state, server.connect)
    assert public_key(state) == former == server.public_key

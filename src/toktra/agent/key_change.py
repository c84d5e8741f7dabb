"""Gives the device a new key: the present one signs for it. Whatever breaks off on the way, one of the two works.

The new key is on the disk before the server hears of it, and becomes the identity's once the server has said so. When
that answer was lost, the server knows the new key only: then the same message, signed with it, gets the answer again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.durable_file import write_durably
from toktra.agent.enrol import Connect
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.identity import Identity, key_from_pem, key_to_pem, write_identity
from toktra.agent.problem import read_problem
from toktra.agent.state_directory import StateDirectory
from toktra.agent.transport import Answer
from toktra.wire.enrolment import KeyChange, KeyChanged
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.signatures import encode_public_key

KEY_PATH: Final = "/ingest/v1/key"
ANSWER_WITHIN_S: Final = 30.0

_changed = msgspec.json.Decoder(KeyChanged)


class KeyNotChanged(AgentError):
    """The server did not take the new key; the present one is still the device's."""

    exit_code = EXIT_NEEDS_YOU


def change_key(state: StateDirectory, identity: Identity, *, connect: Connect) -> Identity:
    """The identity with its new key, written to the disk. Raises KeyNotChanged or Unreachable."""
    new = _pending_key(state.pending_key)
    message = encode(KeyChange(public_key=encode_public_key(new.public_key())))
    answer = connect(identity.key_id, identity.private_key)(KEY_PATH, message, ANSWER_WITHIN_S)
    if answer.status == 401:
        answer = connect(identity.key_id, new)(KEY_PATH, message, ANSWER_WITHIN_S)
    if not _says_so(answer, identity):
        said = read_problem(answer.body).sentence or f"it answered {answer.status} without a reason"
        raise KeyNotChanged(f"The server did not take the new key: {said}")
    changed = replace(identity, private_key=new)
    write_identity(state.identity, changed)
    state.pending_key.unlink(missing_ok=True)
    return changed


def _says_so(answer: Answer, identity: Identity) -> bool:
    if answer.status != 200:
        return False
    try:
        return decode(answer.body, _changed).key_id == identity.key_id
    except InvalidMessage:
        return False


def _pending_key(path: Path) -> Ed25519PrivateKey:
    """The key of an earlier try, or a new one, on the disk when this returns."""
    try:
        return key_from_pem(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        key = Ed25519PrivateKey.generate()
        write_durably(path, key_to_pem(key).encode(), mode=0o600)
        return key

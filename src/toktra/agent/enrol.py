"""Makes this device known to a server: a code for an identity. The private key is made here and stays here."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import toktra
from toktra.agent.durable_file import write_durably
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.identity import (
    Identity,
    IdentityNotUsable,
    NotEnrolled,
    key_from_pem,
    key_to_pem,
    read_identity,
    write_identity,
)
from toktra.agent.problem import read_problem
from toktra.agent.server_address import server_address
from toktra.agent.spool_file import move_aside
from toktra.agent.state_directory import StateDirectory
from toktra.agent.transport import Answer, Post
from toktra.wire.enrolment import Enrolled, EnrolmentRequest
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.signatures import InvalidSignature, KeyId, encode_public_key

ENROL_PATH: Final = "/ingest/v1/enrol"
ANSWER_WITHIN_S: Final = 30.0

_PLATFORMS: Final = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_enrolled = msgspec.json.Decoder(Enrolled)


class AlreadyEnrolled(AgentError):
    """The device has an identity, and nobody asked for another one."""

    exit_code = EXIT_NEEDS_YOU


class EnrolmentRefused(AgentError):
    """The server said no; nothing was changed on this device."""

    exit_code = EXIT_NEEDS_YOU


class EnrolmentFailed(AgentError):
    """The server could not answer properly; the same command may be tried again."""


class _Pending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kept while the answer is under way: when it is lost, the same key with the same code gets it again."""

    server: str
    code: str
    private_key: str


Connect = Callable[[str, Ed25519PrivateKey], Post]
"""A way to the server that signs with this key, under this key id."""


def enrol(
    state: StateDirectory,
    *,
    code: str,
    server: str,
    account: str,
    again: bool,
    connect: Callable[[str], Connect],
    person: str | None = None,
    set_up_anew: bool = False,
) -> Identity:
    """Enrols the device and writes its identity. `account` is the local account that does it.

    `connect` is given the address of the server, or of the one that serves the organisation's region.

    `person` is the e-mail of whose account it is, where a code for a fleet does not say it. `set_up_anew`: the machine
    was enrolled before, and goes on as the device it was. Raises AlreadyEnrolled, EnrolmentRefused, EnrolmentFailed,
    Unreachable; nothing was changed then.
    """
    former = _former_identity(state, again=again)
    key = _key_for(state.pending_enrolment, server=server, code=code)
    public_key = encode_public_key(key.public_key())
    request = EnrolmentRequest(
        code=code,
        public_key=public_key,
        hostname=socket.gethostname()[:253] or "unknown",
        platform=_PLATFORMS.get(sys.platform, "linux"),
        agent_version=toktra.__version__,
        account=account,
        person=person,
        set_up_anew=set_up_anew,
    )
    answer = connect(server)(public_key, key)(ENROL_PATH, encode(request), ANSWER_WITHIN_S)
    if answer.status == 308:  # the organisation's data is kept in another region: once, and never unencrypted
        server = _region_address(answer.location)
        answer = connect(server)(public_key, key)(ENROL_PATH, encode(request), ANSWER_WITHIN_S)
    identity = _identity(_understood(answer), server, key)
    if former and KeyId.parse(former.key_id).tenant != KeyId.parse(identity.key_id).tenant and state.spool.exists():
        # What was recorded for one organisation is not for another to see.
        move_aside(state.spool, "of-former-organisation")
    write_identity(state.identity, identity)
    state.pending_enrolment.unlink(missing_ok=True)
    return identity


def _region_address(location: str | None) -> str:
    """The address a server sent us on to. Raises EnrolmentFailed unless it may be used."""
    if location is None or not location.endswith(ENROL_PATH):
        raise EnrolmentFailed("The server sent this device on, but not to another server. Ask who runs it.")
    return server_address(location.removesuffix(ENROL_PATH))


def _former_identity(state: StateDirectory, *, again: bool) -> Identity | None:
    try:
        former = read_identity(state.identity)
    except NotEnrolled:
        return None
    except IdentityNotUsable:
        if again:
            return None
        raise
    if not again:
        raise AlreadyEnrolled(
            f"This device is enrolled with {former.tenant} at {former.server} already. To enrol it anew, add --again."
        )
    return former


def _key_for(path: Path, *, server: str, code: str) -> Ed25519PrivateKey:
    """A new key, or the one an earlier try with this code was made with."""
    try:
        pending = msgspec.json.decode(path.read_bytes(), type=_Pending)
        if (pending.server, pending.code) == (server, code):
            return key_from_pem(pending.private_key)
    except (FileNotFoundError, msgspec.MsgspecError, ValueError):
        pass
    key = Ed25519PrivateKey.generate()
    write_durably(path, encode(_Pending(server=server, code=code, private_key=key_to_pem(key))), mode=0o600)
    return key


def _understood(answer: Answer) -> Enrolled:
    if answer.status == 200:
        try:
            return decode(answer.body, _enrolled)
        except InvalidMessage:
            pass
    problem = read_problem(answer.body)
    said = problem.sentence or f"it answered {answer.status} without a reason"
    if answer.status in (400, 403, 409, 410, 422) and problem.sentence:
        raise EnrolmentRefused(f"The server did not enrol this device: {said}")
    if answer.status == 401:
        raise EnrolmentRefused(f"The server did not accept the request's signature: {said} Check this device's clock.")
    if answer.status == 429 or answer.status >= 500:
        raise EnrolmentFailed(f"The server cannot enrol this device now: {said} Run the same command again later.")
    raise EnrolmentFailed(
        f"What answers at this address is not a Toktra server ({answer.status}). Check the address given with --server."
    )


def _identity(enrolled: Enrolled, server: str, key: Ed25519PrivateKey) -> Identity:
    try:
        key_id = KeyId.parse(enrolled.key_id)
    except InvalidSignature:
        key_id = None
    if key_id is None or str(key_id.device) != enrolled.device:
        raise EnrolmentFailed("The server's answer contradicts itself. Update toktra on this device and on the server.")
    return Identity(
        server=server, tenant=enrolled.tenant, device=enrolled.device, key_id=enrolled.key_id, private_key=key
    )

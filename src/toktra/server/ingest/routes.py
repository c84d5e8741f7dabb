"""POST /ingest/v1/batches: one batch of one device, signed with the device's key."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.devices.service import public_key_of
from toktra.server.ingest.service import DeviceRefused, Ingest
from toktra.server.request_body import read_body
from toktra.wire.columns import decode_columns
from toktra.wire.events import MAX_BATCH_BYTES, InvalidMessage, OutOfSequence, encode
from toktra.wire.signatures import InvalidSignature, KeyId, claimed_key_id, verify

MAX_AT_ONCE: Final = 64
"""Batches held in memory at a time, 64 MiB at most; more devices are told to come back, which costs nothing."""
KEYS_REMEMBERED: Final = 10_000
REMEMBERED_S: Final = 600.0
"""A key that was changed on another server of ours works here no longer than this, and for batches not at all."""

UNKNOWN_DEVICE: Final = "this device is not enrolled here, or the signature is not its own"
_REFUSED: Final = {
    "revoked": "This device has been revoked. Ask your administrator to enrol it again.",
    "suspended": "This organisation is suspended; nothing is taken in until it is active again.",
}


def ingest_routes(ingest: Ingest) -> list[Route]:
    """The route, over this ledger."""
    keys = DeviceKeys(ingest.database)
    at_once = 0

    async def batches(request: Request) -> Response:
        nonlocal at_once
        if at_once >= MAX_AT_ONCE:
            raise problems.busy()
        at_once += 1
        try:
            return await take_in(request)
        except (DatabaseBusy, psycopg.OperationalError):
            raise problems.busy() from None
        finally:
            at_once -= 1

    async def take_in(request: Request) -> Response:
        body = await read_body(request, MAX_BATCH_BYTES)
        try:
            key = await authenticate(request, body, keys)
            result = await ingest.take_in(key, decode_columns(body), public_key=keys.remembered(key))
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except DeviceRefused as refusal:
            keys.forget(key)
            raise refusal_of(refusal.outcome) or problems.bad_signature(UNKNOWN_DEVICE) from None
        status = 409 if isinstance(result, OutOfSequence) else 200
        return Response(encode(result), status, media_type="application/json")

    return [Route("/batches", batches, methods=["POST"])]


def refusal_of(outcome: str) -> problems.Problem | None:
    """How a known device is told that nothing is taken from it; None for one that is not to learn more."""
    return problems.refused(outcome, _REFUSED[outcome]) if outcome in _REFUSED else None


async def authenticate(request: Request, body: bytes, keys: DeviceKeys) -> KeyId:
    """Whose key signed the request. Raises InvalidSignature.

    Verified in the event loop: it is mostly Python, so a thread would only add to its 0.4 ms.
    """
    name = claimed_key_id(request.headers)
    key = KeyId.parse(name)
    public_key = await keys.of(key)
    if public_key is None:
        raise InvalidSignature(UNKNOWN_DEVICE)
    try:
        _check(request, body, name, public_key)
    except InvalidSignature:
        keys.forget(key)  # it may have a new one since
        newer = await keys.of(key)
        if newer is None or newer.public_bytes_raw() == public_key.public_bytes_raw():
            raise
        _check(request, body, name, newer)
    return key


def _check(request: Request, body: bytes, name: str, public_key: Ed25519PublicKey) -> None:
    verify(
        method=request.method,
        url=f"https://server{request.url.path}",
        headers=request.headers,
        body=body,
        key_id=name,
        public_key=public_key,
    )


class DeviceKeys:
    """Public keys by key id, the least recently used forgotten first.

    A key is remembered for REMEMBERED_S at most. Whether it is still the device's, and whether the device may still
    report, is asked of the database with every batch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[KeyId, tuple[Ed25519PublicKey, float]] = OrderedDict()

    async def of(self, key: KeyId) -> Ed25519PublicKey | None:
        known, since = self._known.get(key, (None, 0.0))
        if known is not None and time.monotonic() - since < REMEMBERED_S:
            self._known.move_to_end(key)
            return known
        found = await public_key_of(self._database, key)
        if found is not None:
            self._known[key] = (found, time.monotonic())
            self._known.move_to_end(key)
            if len(self._known) > KEYS_REMEMBERED:
                self._known.popitem(last=False)
        return found

    def remembered(self, key: KeyId) -> bytes | None:
        """The key that was found last, as it is stored."""
        known = self._known.get(key)
        return known[0].public_bytes_raw() if known else None

    def forget(self, key: KeyId) -> None:
        """Asks anew next time."""
        self._known.pop(key, None)

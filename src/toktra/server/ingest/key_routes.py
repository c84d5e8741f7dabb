"""POST /ingest/v1/key: a device changes its key, with a request signed by the present one."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database
from toktra.server.devices.service import KeyNotChanged, change_key
from toktra.server.ingest.routes import DeviceKeys, authenticate
from toktra.server.request_body import read_body
from toktra.wire.enrolment import KeyChange, KeyChanged
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.signatures import InvalidSignature, decode_public_key

MAX_BYTES: Final = 1 << 10

_decoder = msgspec.json.Decoder(KeyChange)


def key_routes(database: Database) -> list[Route]:
    """The route, over this database."""

    async def change(request: Request) -> Response:
        body = await read_body(request, MAX_BYTES)
        keys = DeviceKeys(database)  # remembers nothing from request to request: keys are changed rarely
        try:
            key = await authenticate(request, body, keys)
            message = decode(body, _decoder)
            public_key = decode_public_key(message.public_key).public_bytes_raw()
            await change_key(database, key, keys.remembered(key) or b"", public_key)
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except KeyNotChanged:
            raise problems.refused(
                "key-not-changed",
                "The key was not changed: the device is revoked, or the new key is in use already. Enrol it again.",
            ) from None
        return Response(encode(KeyChanged(key_id=str(key))), media_type="application/json")

    return [Route("/key", change, methods=["POST"])]

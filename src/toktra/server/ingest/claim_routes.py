"""POST /ingest/v1/claims: a device asks for a code with which the owner of an account on it says that it is theirs."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database
from toktra.server.devices import claims
from toktra.server.ingest.routes import UNKNOWN_DEVICE, DeviceKeys, authenticate, refusal_of
from toktra.server.request_body import read_body
from toktra.wire.claims import ClaimAsked, ClaimOffered
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.signatures import InvalidSignature

MAX_BYTES: Final = 1 << 10

_decoder = msgspec.json.Decoder(ClaimAsked)


def claim_routes(database: Database) -> list[Route]:
    """The route, over this database."""

    async def offer(request: Request) -> Response:
        body = await read_body(request, MAX_BYTES)
        try:
            key = await authenticate(request, body, DeviceKeys(database))
            code = str(await claims.offer(database, key, decode(body, _decoder).account))
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except claims.DeviceRefused as refused:
            raise refusal_of(refused.outcome) or problems.bad_signature(UNKNOWN_DEVICE) from None
        minutes = int(claims.VALID_FOR.total_seconds() // 60)
        answer = ClaimOffered(code=code, path=f"/claim/{code}", valid_minutes=minutes)
        return Response(encode(answer), media_type="application/json")

    return [Route("/claims", offer, methods=["POST"])]

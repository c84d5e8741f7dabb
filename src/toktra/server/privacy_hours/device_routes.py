"""POST /ingest/v1/weeks: a device asks for the weeks of its owners, signed with its key."""

from __future__ import annotations

from typing import Final

import psycopg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.ingest.routes import UNKNOWN_DEVICE, DeviceKeys, authenticate, refusal_of
from toktra.server.privacy_hours.devices import DeviceRefused, answer
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.request_body import read_body
from toktra.wire.events import InvalidMessage
from toktra.wire.portal import QUESTION_BYTES, decode_question
from toktra.wire.signatures import InvalidSignature

_ROUTE: Final = "/weeks"


def weeks_routes(database: Database, own: OwnDatabase | None) -> list[Route]:
    """The route. Without the database of the weeks it tells of the works agreement alone."""
    keys = DeviceKeys(database)

    async def weeks(request: Request) -> Response:
        body = await read_body(request, QUESTION_BYTES)
        try:
            key = await authenticate(request, body, keys)
            told = await answer(database, own, key, decode_question(body))
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except DeviceRefused as refused:
            raise refusal_of(refused.outcome) or problems.bad_signature(UNKNOWN_DEVICE) from None
        except (DatabaseBusy, psycopg.OperationalError):
            raise problems.busy() from None
        return Response(told, media_type="application/json")

    return [Route(_ROUTE, weeks, methods=["POST"])]

"""POST /ingest/v1/perks: a device asks how an account stands and has tickets issued, signed with its key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
import psycopg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.ingest.routes import UNKNOWN_DEVICE, DeviceKeys, authenticate, refusal_of
from toktra.server.perks.allowances import Allowances, DeviceRefused
from toktra.server.perks.personal_service import MonthOver, NotReached, personal_service, public_address
from toktra.server.request_body import read_body
from toktra.server.settings import ServerSettings
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.personal import AllowanceAsked
from toktra.wire.signatures import InvalidSignature

MAX_BYTES: Final = 8 << 10
AGAIN_IN_S: Final = 1800

_asked: Final = msgspec.json.Decoder(AllowanceAsked)


def perks_routes(database: Database, settings: ServerSettings) -> list[Route]:
    """The route. Without a personal service there is no programme."""
    keys = DeviceKeys(database)
    allowances = Allowances(database, personal_service(settings), public_address(settings))

    async def perks(request: Request) -> Response:
        body = await read_body(request, MAX_BYTES)
        today = datetime.now(UTC).date()
        try:
            key = await authenticate(request, body, keys)
            told = await allowances.of(key, decode(body, _asked), today)
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except DeviceRefused as refused:
            raise refusal_of(refused.outcome) or problems.bad_signature(UNKNOWN_DEVICE) from None
        except (NotReached, MonthOver):
            raise _not_reached() from None
        except (DatabaseBusy, psycopg.OperationalError):
            raise problems.busy() from None
        return Response(encode(told), media_type="application/json")

    return [Route("/perks", perks, methods=["POST"])]


def _not_reached() -> problems.Problem:
    return problems.Problem(
        503,
        "personal-service-not-reached",
        "The personal service does not answer",
        "No ticket was issued and none was counted. Ask again after the time in Retry-After.",
        retry_after_s=AGAIN_IN_S,
    )

"""/operator/v1: for the organisation's server, which shows a secret of its own. Nothing here is about one person."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.personal.caller import check_operator
from toktra.personal.redemptions import MonthClosed, NotOffered, TicketCounter
from toktra.personal.request_body import read_body
from toktra.personal.ticket_routes import month_closed, not_offered
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.personal import ProgrammeId, ProgrammeTiers, TicketsAsked

MAX_BYTES: Final = 8 << 10

_asked: Final = msgspec.json.Decoder(TicketsAsked)
_tiers: Final = msgspec.json.Decoder(ProgrammeTiers)


def operator_routes(counter: TicketCounter, secret: str) -> list[Route]:
    """The routes over this counter, for whoever shows `secret`."""

    async def issue(request: Request) -> Response:
        check_operator(request, secret)
        asked = decode(await read_body(request, MAX_BYTES), _asked)
        try:
            issued = await counter.issue(asked)
        except MonthClosed as fault:
            raise month_closed(fault) from None
        except NotOffered:
            raise not_offered() from None
        return Response(encode(issued), media_type="application/json")

    async def offer(request: Request) -> Response:
        check_operator(request, secret)
        programme = _programme(request)
        await counter.offer(programme, decode(await read_body(request, MAX_BYTES), _tiers).tiers)
        return Response(status_code=204)

    async def close(request: Request) -> Response:
        check_operator(request, secret)
        await counter.close(_programme(request))
        return Response(status_code=204)

    async def redemptions(request: Request) -> Response:
        check_operator(request, secret)
        return Response(encode(await counter.published(_programme(request))), media_type="application/json")

    programme = "/operator/v1/programmes/{programme}"
    return [
        Route("/operator/v1/tickets", issue, methods=["POST"]),
        Route(programme, offer, methods=["PUT"]),
        Route(programme, close, methods=["DELETE"]),
        Route(f"{programme}/redemptions", redemptions, methods=["GET"]),
    ]


def _programme(request: Request) -> str:
    try:
        return msgspec.convert(request.path_params["programme"], ProgrammeId)
    except msgspec.ValidationError:
        raise InvalidMessage("programme", "must be the random id the programme has at the organisation") from None

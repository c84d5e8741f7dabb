"""What tickets are for: opening a mailbox once, and redeeming by a request that names none."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.personal import problems
from toktra.personal.caller import mailbox_of, source_of
from toktra.personal.limits import RequestLimit
from toktra.personal.redemptions import Forged, MonthClosed, NotOffered, SpentBefore, TicketCounter
from toktra.personal.request_body import read_body
from toktra.wire.events import decode, encode
from toktra.wire.personal import Month, ProgrammeId, Ticket

MAX_TICKET_BYTES: Final = 2048
REQUESTS_A_MINUTE: Final = 1200
"""From one address, behind which may be a whole office."""

_tickets: Final = msgspec.json.Decoder(Ticket)


class _KeysOf(msgspec.Struct, frozen=True):
    programme: ProgrammeId
    month: Month


def ticket_routes(counter: TicketCounter) -> list[Route]:
    """The routes over this counter."""
    limit = RequestLimit(REQUESTS_A_MINUTE, 60.0)

    async def open_mailbox(request: Request) -> Response:
        mailbox = mailbox_of(request)
        ticket = await _ticket(request, limit)
        try:
            opened = await counter.open_mailbox(mailbox, ticket)
        except (MonthClosed, Forged, SpentBefore) as refusal:
            raise _refusal(refusal) from None
        return Response(b"{}", 201 if opened else 200, media_type="application/json")

    async def redeem(request: Request) -> Response:
        ticket = await _ticket(request, limit)
        try:
            await counter.redeem(ticket)
        except (MonthClosed, Forged, SpentBefore) as refusal:
            raise _refusal(refusal) from None
        return Response(b"{}", media_type="application/json")

    async def keys(request: Request) -> Response:
        _check(request, limit)
        try:
            asked = msgspec.convert(request.path_params, _KeysOf)
            found = await counter.keys(asked.programme, asked.month)
        except (msgspec.ValidationError, NotOffered):
            raise not_offered() from None
        return Response(encode(found), media_type="application/json")

    return [
        Route("/v1/mailbox", open_mailbox, methods=["POST"]),
        Route("/v1/redemptions", redeem, methods=["POST"]),
        Route("/v1/programmes/{programme}/keys/{month}", keys, methods=["GET"]),
    ]


def not_offered() -> problems.Problem:
    return problems.Problem(
        404,
        "not-offered",
        "There are no tickets for this",
        "There is no such programme, tier or month, or it has ended. Ask the organisation's server for the allowance.",
    )


def month_closed(fault: MonthClosed) -> problems.Problem:
    return problems.Problem(
        410,
        "month-closed",
        "The month is closed",
        f"Tickets are good for {fault.open} (UTC). What was not spent by then lapses; nothing else is lost.",
        field="month",
    )


async def _ticket(request: Request, limit: RequestLimit) -> Ticket:
    _check(request, limit)
    return decode(await read_body(request, MAX_TICKET_BYTES), _tickets)


def _check(request: Request, limit: RequestLimit) -> None:
    if wait_s := limit.wait_s(source_of(request)):
        raise problems.slow_down(wait_s)


def _refusal(refusal: MonthClosed | Forged | SpentBefore) -> problems.Problem:
    match refusal:
        case MonthClosed():
            return month_closed(refusal)
        case Forged():
            return problems.Problem(
                403,
                "ticket-forged",
                "The ticket is not good",
                "It was not issued by this service, or not for this programme, tier and month. Throw it away.",
                field="output",
            )
        case SpentBefore():
            return problems.Problem(
                409,
                "ticket-spent",
                "The ticket was spent before",
                "Each is good once. If you sent it twice because an answer was lost, all is well: throw it away.",
                field="nonce",
            )

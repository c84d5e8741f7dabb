"""/v1/mailbox: what the owner of a mailbox does with it, known by the secret they show and nothing else."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.personal import problems
from toktra.personal.caller import mailbox_of
from toktra.personal.limits import RequestLimit
from toktra.personal.mailboxes import DayNotKept, Mailboxes, NoMailbox
from toktra.personal.request_body import read_body
from toktra.wire.events import decode, encode
from toktra.wire.personal import KEPT_DAYS, MOST_RESEALED, UPLOAD_BYTES, Resealed, decode_upload

UPLOADS_AN_HOUR: Final = 600
"""Of one mailbox: a device that was off for three weeks can fill its missed hours at once."""
READS_AN_HOUR: Final = 600
MAX_RESEALED_BYTES: Final = 1 << 20

_resealed: Final = msgspec.json.Decoder(Annotated[list[Resealed], Meta(min_length=1, max_length=MOST_RESEALED)])


def mailbox_routes(mailboxes: Mailboxes) -> list[Route]:
    """The routes over these mailboxes."""
    uploads = RequestLimit(UPLOADS_AN_HOUR, 3600.0)
    reads = RequestLimit(READS_AN_HOUR, 3600.0)

    async def upload(request: Request) -> Response:
        mailbox = _limited(request, uploads)
        try:
            await mailboxes.store(mailbox, decode_upload(await read_body(request, UPLOAD_BYTES)))
        except NoMailbox:
            raise problems.no_mailbox() from None
        except DayNotKept as fault:
            raise _clock_off(fault) from None
        return Response(b"{}", media_type="application/json")

    async def records(request: Request) -> Response:
        mailbox = _limited(request, reads)
        try:
            page = await mailboxes.page(mailbox, request.query_params.get("after", ""))
        except NoMailbox:
            raise problems.no_mailbox() from None
        return Response(encode(page), media_type="application/json")

    async def replace(request: Request) -> Response:
        mailbox = _limited(request, reads)
        resealed = decode(await read_body(request, MAX_RESEALED_BYTES), _resealed)
        try:
            replaced = await mailboxes.replace(mailbox, resealed)
        except NoMailbox:
            raise problems.no_mailbox() from None
        return Response(msgspec.json.encode({"replaced": replaced}), media_type="application/json")

    async def delete(request: Request) -> Response:
        await mailboxes.delete(mailbox_of(request))
        return Response(status_code=204)

    return [
        Route("/v1/mailbox/uploads", upload, methods=["POST"]),
        Route("/v1/mailbox/records", records, methods=["GET"]),
        Route("/v1/mailbox/records", replace, methods=["PUT"]),
        Route("/v1/mailbox", delete, methods=["DELETE"]),
    ]


def _limited(request: Request, limit: RequestLimit) -> bytes:
    mailbox = mailbox_of(request)
    if wait_s := limit.wait_s(mailbox):
        raise problems.slow_down(wait_s)
    return mailbox


def _clock_off(fault: DayNotKept) -> problems.Problem:
    return problems.Problem(
        409,
        "clock-off",
        "The day cannot be right",
        f"This upload is of {fault.day}, and today is {fault.today} (UTC); records are kept for {KEPT_DAYS} days. "
        "Nothing was stored. Set the device's clock.",
        field="day",
    )

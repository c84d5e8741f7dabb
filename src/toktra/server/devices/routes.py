"""POST /ingest/v1/enrol: a device exchanges a code for an identity, with a request signed by the key it brings."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database
from toktra.server.devices import service
from toktra.server.devices.codes import EnrolmentCode
from toktra.server.devices.service import CodeFault, EnrolmentRefused
from toktra.server.request_body import read_body
from toktra.server.residency.elsewhere import Elsewhere
from toktra.server.web.rate_limit import FailureLimit
from toktra.wire.enrolment import EnrolmentRequest
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.signatures import InvalidSignature, claimed_key_id, decode_public_key, verify

MAX_ENROLMENT_BYTES: Final = 8 << 10

_decoder = msgspec.json.Decoder(EnrolmentRequest)


def enrolment_routes(database: Database, elsewhere: Elsewhere) -> list[Route]:
    """The route, over this database; a code of another region's organisation is sent on."""
    limit = FailureLimit(failures=20, window_s=60)

    async def enrol(request: Request) -> Response:
        body = await read_body(request, MAX_ENROLMENT_BYTES)
        try:
            message = decode(body, _decoder)
            public_key = decode_public_key(message.public_key)
            verify(
                method=request.method,
                url=f"https://server{request.url.path}",
                headers=request.headers,
                body=body,
                key_id=claimed_key_id(request.headers),  # it has none yet: any name will do for a key brought along
                public_key=public_key,
            )
        except InvalidMessage as error:
            raise problems.bad_message(error.field, error.reason) from None
        except InvalidSignature as error:
            raise problems.bad_signature(str(error)) from None
        try:
            return Response(encode(await service.enrol(database, message, public_key)), media_type="application/json")
        except EnrolmentRefused as refusal:
            code = EnrolmentCode.parse(message.code) if refusal.fault is CodeFault.UNKNOWN else None
            if code and (address := await elsewhere.of_slug(code.slug)):
                raise problems.served_elsewhere(address, request.url.path) from None
            raise _refusal(refusal.fault, limit, request.client.host if request.client else "") from None

    return [Route("/enrol", enrol, methods=["POST"])]


def _refusal(fault: CodeFault, limit: FailureLimit, source: str) -> problems.Problem:
    """A wrong code is counted against its address; the right one is taken whatever the count.

    So nobody behind a shared address is shut out by a neighbour. Guessing is hopeless anyway (60 random bits); the
    limit tells a guesser, and whoever reads the status counts in the log, that something is wrong.
    """
    if fault is CodeFault.UNKNOWN:
        wait_s = limit.retry_after_s(source)
        limit.count_failure(source)
        if wait_s:
            return problems.slow_down(wait_s)
    return problems.refused(f"enrolment-code-{fault.name.lower()}", fault.value)

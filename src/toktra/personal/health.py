"""/healthz: the process answers. /readyz: it can do its work."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from toktra.personal.database.failures import LedgerFailure
from toktra.personal.database.pool import Ledger


def health_routes(ledger: Ledger) -> list[Route]:
    """Both routes, over this database."""

    async def alive(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        del request
        try:
            await ledger.check_ready()
        except LedgerFailure as failure:
            return PlainTextResponse(f"not ready: {failure}\n", 503, headers={"retry-after": "5"})
        return PlainTextResponse("ready\n")

    return [Route("/healthz", alive), Route("/readyz", ready)]

"""/healthz: the process answers. /readyz: it can do its work. For load balancers and the person behind them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from toktra.server.database.failures import DatabaseFailure, DatabaseUnreachable, MigrationsPending
from toktra.server.database.pool import Database


def health_routes(database: Database) -> list[Route]:
    """Both routes, over this database."""

    async def alive(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        del request
        try:
            await database.check_ready()
        except DatabaseUnreachable:
            return _not_ready("the database does not answer")  # its own words may name hosts and users
        except MigrationsPending as pending:
            return _not_ready(str(pending))
        except DatabaseFailure as failure:
            return _not_ready(type(failure).__name__)
        return PlainTextResponse("ready\n")

    return [Route("/healthz", alive), Route("/readyz", ready)]


def _not_ready(why: str) -> Response:
    return PlainTextResponse(f"not ready: {why}\n", 503, headers={"retry-after": "5"})

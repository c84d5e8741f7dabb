"""/metrics, for whoever holds the token of the settings; without a token in the settings it is not there."""

from __future__ import annotations

import secrets

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from toktra.server.database.pool import Database
from toktra.server.metrics.service import Metrics


def metrics_routes(metrics: Metrics, database: Database, token: str | None) -> list[Route]:
    """The route, or none."""
    if token is None:
        return []
    expected = f"Bearer {token}".encode()

    async def show(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not secrets.compare_digest(given, expected):
            return PlainTextResponse("unauthorized\n", 401, headers={"www-authenticate": 'Bearer realm="metrics"'})
        return Response(await metrics.text(database), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", show, methods=["GET"])]

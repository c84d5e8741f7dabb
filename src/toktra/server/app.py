"""The server as one ASGI application: the device API, the health answers, and the site."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import toktra
from toktra.catalogue import load_catalogue
from toktra.server import problems
from toktra.server.api.app import PREFIX as API_PREFIX
from toktra.server.api.app import api_app
from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.devices.routes import enrolment_routes
from toktra.server.health import health_routes
from toktra.server.ingest.claim_routes import claim_routes
from toktra.server.ingest.key_routes import key_routes
from toktra.server.ingest.routes import ingest_routes
from toktra.server.ingest.service import Ingest
from toktra.server.jobs.worker import working
from toktra.server.metrics.routes import metrics_routes
from toktra.server.metrics.service import Metrics
from toktra.server.perks.device_routes import perks_routes
from toktra.server.privacy_hours.device_routes import weeks_routes
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.residency.elsewhere import Elsewhere
from toktra.server.residency.places import addresses
from toktra.server.scim.served import PREFIX as SCIM_PREFIX
from toktra.server.scim.served import ScimApp
from toktra.server.settings import ServerSettings
from toktra.server.web.headers import DEVICE_API, EXTENSION_ORIGIN, is_extension
from toktra.server.web.site import site_middleware, site_routes
from toktra.wire.signatures import InvalidSignature, KeyId, claimed_key_id

_log = structlog.get_logger()


def create_app(settings: ServerSettings) -> Starlette:
    """The application, over the database of `settings.database_url`; it need not be there yet.

    `app.state.database` is the pool, open while the application runs, and `app.state.own_database` the one of people's
    own weeks, where there is one; `app.state.settings` are the settings.
    """
    if settings.database_url is None:
        raise ValueError("database_url must be known here: start the embedded database first")
    database = Database(settings.database_url, connections=settings.database_connections)
    own = OwnDatabase(settings.privacy_database_url) if settings.privacy_database_url else None
    metrics = Metrics()
    ingest = Ingest(database, load_catalogue(), settings.accepted_age_days)
    elsewhere = Elsewhere(database, addresses(settings))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        async with database, own or nullcontext():
            try:
                await database.check_ready()
                await ingest.prepare()
            except DatabaseUnreachable:
                _log.warning("started without its database; /readyz says when it is there")
            _log.info("started", version=toktra.__version__)
            async with working(settings) if settings.run_jobs else nullcontext():
                yield
        _log.info("stopped")

    app = Starlette(
        routes=[
            *health_routes(database),
            *metrics_routes(metrics, database, settings.metrics_token),
            Mount(DEVICE_API, app=_device_api(database, ingest, own, elsewhere, settings)),
            Mount(SCIM_PREFIX, app=ScimApp(database)),
            Mount(API_PREFIX, app=api_app(database, settings)),
            *site_routes(),
        ],
        middleware=[Middleware(RequestLog, metrics=metrics), *site_middleware()],
        lifespan=lifespan,
    )
    app.state.database = database
    app.state.own_database = own
    app.state.elsewhere = elsewhere
    app.state.settings = settings
    return app


def _device_api(
    database: Database, ingest: Ingest, own: OwnDatabase | None, elsewhere: Elsewhere, settings: ServerSettings
) -> Starlette:
    """An application of its own, because it refuses in its own form."""

    async def refuse(request: Request, error: Exception) -> Response:
        """Whose organisation is served in another region is told where; nothing was stored."""
        if isinstance(error, problems.Problem) and error.kind == problems.BAD_SIGNATURE:
            with suppress(InvalidSignature, DatabaseBusy, psycopg.OperationalError):
                address = await elsewhere.of_id(KeyId.parse(claimed_key_id(request.headers)).tenant)
                if address:
                    error = problems.served_elsewhere(address, request.url.path)
        response = problems.respond(request, error)
        if response.status_code == 308 and is_extension(request.headers.get("origin", "")):
            response.status_code = 421  # a browser follows a 308 itself, and says no longer that an extension asks
        return response

    return Starlette(
        routes=[
            *enrolment_routes(database, elsewhere),
            *key_routes(database),
            *claim_routes(database),
            *ingest_routes(ingest),
            *weeks_routes(database, own),
            *perks_routes(database, settings),
        ],
        exception_handlers={
            problems.Problem: refuse,
            HTTPException: problems.respond,
            DatabaseBusy: _busy,
            psycopg.OperationalError: _busy,
            Exception: problems.respond,
        },
        middleware=[
            # The browser extension has no permission on our address, so the server says that it may ask.
            Middleware(
                CORSMiddleware,
                allow_origin_regex=EXTENSION_ORIGIN,
                allow_methods=["POST"],
                allow_headers=["content-type", "content-digest", "signature-input", "signature"],
                expose_headers=["retry-after", "location"],
                max_age=86_400,
            )
        ],
    )


def _busy(request: object, error: Exception) -> Response:
    del request, error
    return problems.busy().response()


class RequestLog:
    """One line for each request: method, route, status, time. Never the address, the path or the query."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        fault: BaseException | None = None
        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            fault = error
            raise
        finally:
            duration_s = time.perf_counter() - began
            route, duration_ms = _route(scope), round(duration_s * 1000, 1)
            self.metrics.answered(scope, route, status, duration_s)
            line = {"method": scope["method"], "route": route, "status": status, "duration_ms": duration_ms}
            if fault is not None:
                _log.error("request failed", exc_info=fault, **line)
            elif status >= 500:
                _log.warning("request", **line)
            else:
                _log.info("request", **line)


def _route(scope: Scope) -> str:
    """The route's pattern, "/sign-in/{token}", never the path itself; "none" when nothing answered."""
    pattern = getattr(scope.get("route"), "path", None)
    return f"{scope.get('root_path', '')}{pattern}" if pattern else "none"

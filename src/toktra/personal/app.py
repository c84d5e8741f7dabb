"""The personal service as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

import toktra
from toktra.personal import problems
from toktra.personal.clock import Clock, utc_now
from toktra.personal.database.failures import LedgerUnreachable
from toktra.personal.database.pool import Ledger, LedgerBusy
from toktra.personal.headers import SecurityHeaders
from toktra.personal.health import health_routes
from toktra.personal.housekeeping import Housekeeping
from toktra.personal.mailbox_routes import mailbox_routes
from toktra.personal.mailboxes import Mailboxes
from toktra.personal.operator_routes import operator_routes
from toktra.personal.pages import page_routes
from toktra.personal.redemptions import TicketCounter
from toktra.personal.request_log import RequestLog
from toktra.personal.secret_files import operator_secret, ticket_seed
from toktra.personal.settings import PersonalSettings
from toktra.personal.ticket_routes import ticket_routes
from toktra.personal.tickets import TicketOffice
from toktra.wire.events import InvalidMessage

_log = structlog.get_logger()


def create_app(settings: PersonalSettings, *, clock: Clock = utc_now) -> Starlette:
    """The application over the database of the settings; it need not be there yet. `app.state.ledger` is the pool.

    Raises SecretFileNotUsable.
    """
    ledger = Ledger(settings.database_url, connections=settings.database_connections)
    mailboxes = Mailboxes(ledger, clock)
    counter = TicketCounter(ledger, TicketOffice(ticket_seed(settings.data_directory)), clock)
    secret = settings.operator_secret or operator_secret(settings.data_directory)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        async with ledger:
            try:
                await ledger.check_ready()
            except LedgerUnreachable:
                _log.warning("started without its database; /readyz says when it is there")
            _log.info("started", version=toktra.__version__)
            keeping = asyncio.create_task(Housekeeping(ledger, clock).keep())
            try:
                yield
            finally:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
        _log.info("stopped")

    app = Starlette(
        routes=[
            *health_routes(ledger),
            *mailbox_routes(mailboxes),
            *ticket_routes(counter),
            *operator_routes(counter, secret),
            *page_routes(settings),
        ],
        middleware=[Middleware(RequestLog), Middleware(SecurityHeaders)],
        exception_handlers={
            problems.Problem: problems.respond,
            InvalidMessage: problems.respond,
            HTTPException: problems.respond,
            LedgerBusy: problems.respond,
            psycopg.OperationalError: problems.respond,
            Exception: problems.respond,
        },
        lifespan=lifespan,
    )
    app.state.ledger = ledger
    return app

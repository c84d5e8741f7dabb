"""Where the protocol is served, by an application that is read when it is first asked.

Its models take a fifth of all that a server reads at its start, and most organisations connect no directory.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from toktra.server.database.pool import Database

PREFIX: Final = "/scim/v2"


class ScimApp:
    """The application of `routes.py`, from the first request on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app: ASGIApp | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turn:
            if self._app is None:  # in a thread, so that others are answered meanwhile
                routes = await asyncio.to_thread(import_module, "toktra.server.scim.routes")
                self._app = routes.scim_app(self._database)
        await self._app(scope, receive, send)

"""One line for each request: route, status, duration. Never an address, a path, a query or a time of the day."""

from __future__ import annotations

import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNLOGGED: Final = frozenset({"/operator/v1/tickets"})
"""Issuing follows on a request that the organisation's server logs with its time; a line here would date the others."""

_log = structlog.get_logger()


class RequestLog:
    """The line, written when the answer has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

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

        fault: Exception | None = None
        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            fault = error
            raise
        finally:
            pattern = getattr(scope.get("route"), "path", None)
            if pattern not in UNLOGGED or status >= 500:
                route = f"{scope['method']} {pattern}" if pattern else "none"
                duration_ms = round((time.perf_counter() - began) * 1000, 1)
                line = {"route": route, "status": status, "duration_ms": duration_ms}
                if fault is not None:
                    _log.error("request failed", exc_info=fault, **line)
                elif status >= 500:
                    _log.warning("request", **line)
                else:
                    _log.info("request", **line)

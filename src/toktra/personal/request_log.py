"""A line for a request: route, status, duration. Never an address, a path, a query or a time of the day.

What devices do by their timetable leaves a line only when it was refused: thousands of lines that all went well help
nobody run the service, and their order would tell more than their words.
"""

from __future__ import annotations

import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET: Final = frozenset({"/healthz", "/readyz", "/v1/mailbox/uploads", "/v1/redemptions"})
"""Not logged while all is well."""
SILENT: Final = frozenset({"/operator/v1/tickets"})
"""Not logged unless we fail: issuing follows on a request that the organisation's server logs with its time, so a line
here would date its neighbours."""

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
            _write(scope, status, time.perf_counter() - began, fault)


def _write(scope: Scope, status: int, duration_s: float, fault: Exception | None) -> None:
    pattern = getattr(scope.get("route"), "path", None)
    if (pattern in QUIET and status < 400) or (pattern in SILENT and status < 500):
        return
    route = f"{scope['method']} {pattern}" if pattern else "none"
    line = {"route": route, "status": status, "duration_ms": round(duration_s * 1000, 1)}
    if fault is not None:
        _log.error("request failed", exc_info=fault, **line)
    elif status >= 500:
        _log.warning("request", **line)
    else:
        _log.info("request", **line)

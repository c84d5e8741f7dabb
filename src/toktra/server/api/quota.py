"""How many requests a program may make in a minute, counted in memory, and what every answer says about it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final
from uuid import UUID

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WINDOW_S: Final = 60
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """What a program may still ask before the window ends."""

    quota: int
    remaining: int
    reset_s: int
    is_over: bool

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit fields as the HTTPAPI working group drafts them (draft-ietf-httpapi-ratelimit-headers-10)."""
        return {
            "ratelimit-policy": f'"program";q={self.quota};w={WINDOW_S}',
            "ratelimit": f'"program";r={self.remaining};t={self.reset_s}',
        }


@dataclass(slots=True)
class Quota:
    """`requests` in each window of a minute, which begins with a program's first request."""

    requests: int
    clock: Callable[[], float] = monotonic
    _windows: OrderedDict[UUID, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def take(self, client_id: UUID) -> Left:
        """Counts one request of this program."""
        now = self.clock()
        began, made = self._windows.pop(client_id, (now, 0))
        if now - began >= WINDOW_S:
            began, made = now, 0
        self._windows[client_id] = (began, made + 1)
        if len(self._windows) > _MOST_REMEMBERED:
            self._windows.popitem(last=False)
        reset_s = max(1, ceil(began + WINDOW_S - now))
        return Left(self.requests, max(0, self.requests - made - 1), reset_s, is_over=made >= self.requests)


class QuotaHeaders:
    """Says on every answer what is left, once it is known who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            left = scope.get("state", {}).get("quota_left")
            if message["type"] == "http.response.start" and isinstance(left, Left):
                MutableHeaders(scope=message).update(left.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)

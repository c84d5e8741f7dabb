"""Keeps bodies within bounds of size and time before anything reads them."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toktra.server.problems import Problem
from toktra.server.request_body import read_body

MAX_BYTES: Final = 64 << 10


class BodyLimit:
    """Reads the body, and hands it on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        try:
            body = await read_body(Request(scope, receive), MAX_BYTES)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        is_handed_on = False

        async def whole() -> Message:
            nonlocal is_handed_on
            if is_handed_on:
                return await receive()
            is_handed_on = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, whole, send)

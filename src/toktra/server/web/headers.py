"""Headers of every answer, and the refusal of requests that another site made a browser send."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

_ALWAYS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # same-origin, not no-referrer: the latter makes browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
DEVICE_API: Final = "/ingest/v1"
"""Signed by devices, deaf to cookies."""
EXTENSION_ORIGIN: Final = r"(chrome|moz|safari-web)-extension://[0-9A-Za-z-]{1,64}"
"""Who calls from a browser extension, as browsers say it; no web page has such an origin."""


class SecurityHeaders:
    """Adds the strict policy to every answer, and keeps pages out of caches unless they say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        lasting = scope["scheme"] == "https" and not _is_loopback(Headers(scope=scope).get("host", ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
                if lasting:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses a state-changing request that a page of another origin caused (cross-site request forgery).

    Sec-Fetch-Site decides; browsers too old for it, or pages over plain HTTP, are judged by Origin against Host. A
    request with neither header comes from no browser and carries no one's cookie by accident: devices and scripts.
    Both rules are those of Filippo Valsorda's study, as in Go's net/http CrossOriginProtection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS and _is_forged(scope):
            refusal = PlainTextResponse(
                "This request came from another site and was refused. Open Toktra itself and try again.\n", 403
            )
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_forged(scope: Scope) -> bool:
    """A browser extension is a device: its requests are signed, and where they go no cookie is read."""
    headers = Headers(scope=scope)
    is_device = scope["path"].startswith(f"{DEVICE_API}/") and is_extension(headers.get("origin", ""))
    return is_foreign(headers) and not is_device


def is_extension(origin: str) -> bool:
    """Whether an origin is that of a browser extension."""
    return re.fullmatch(EXTENSION_ORIGIN, origin) is not None


def is_foreign(headers: Headers) -> bool:
    """Whether the headers say that another origin's page made this request."""
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")

"""Asks an OpenID provider over HTTP: small JSON answers, within seconds, without following redirects."""

from __future__ import annotations

import ssl
from functools import cache
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3

import toktra
from toktra.server.web.language import _

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 1 << 20


class ProviderFault(Exception):
    """The provider did not do what it should. The text is a sentence for the person who is signing in."""


def check_address(url: str, *, plain_loopback: bool) -> None:
    """Raises ProviderFault unless this is https; `plain_loopback`: or plain http to this very machine."""
    try:
        parts = urlsplit(url)
        host, scheme, has_user = parts.hostname or "", parts.scheme, parts.username is not None
        _port = parts.port
    except ValueError:
        host, scheme, has_user = "", "", False
    if host and not has_user and (scheme == "https" or (scheme == "http" and plain_loopback and is_loopback(host))):
        return
    raise ProviderFault(_("The address “%(url)s” is not usable: it must begin with https://.") % {"url": url[:100]})


def ask(
    url: str,
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object: by GET, or by POST with a form. Raises ProviderFault."""
    sent = {"accept": "application/json", "user-agent": f"toktra/{toktra.__version__}", **(headers or {})}
    if form is not None:
        sent["content-type"] = "application/x-www-form-urlencoded"
    try:
        answer = _pool().request(
            "GET" if form is None else "POST",
            url,
            body=None if form is None else urlencode(form),
            headers=sent,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            body = answer.read(MAX_ANSWER_BYTES + 1)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise ProviderFault(
            _("Your organisation’s sign-in at %(host)s does not answer (%(fault)s). Try again later.")
            % {"host": urlsplit(url).hostname, "fault": type(error).__name__}
        ) from None
    try:
        # An answer that is too long was cut off, and so is no JSON.
        return answer.status, msgspec.json.decode(body[:MAX_ANSWER_BYTES], type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderFault(
            _("%(host)s answered with status %(status)s and nothing that OpenID Connect knows.")
            % {"host": urlsplit(url).hostname, "status": answer.status}
        ) from None


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        num_pools=10,
        ssl_context=ssl.create_default_context(),
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

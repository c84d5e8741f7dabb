"""Asks a provider's usage API for days, page by page, and answers all of them or says in a sentence why not.

The key travels in a header to the provider's own address over TLS, and nowhere else: redirects are not followed, and
no error, log line or object's text repeats it.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlencode

import urllib3

import toktra
from toktra.server.reconciliation.usage_api import ChangedShape, Page, ReportedDay, UsageApi
from toktra.server.web.language import _

CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 60.0
MAX_ANSWER_BYTES: Final = 8 << 20
MAX_PAGES: Final = 60
RETRIES: Final = 3
_PAUSE_S: Final = 2.0
"""Before asking again after a fault of the provider's, when it does not say how long."""
_LONGEST_PAUSE_S: Final = 86_400.0
"""An answer that asks for more is taken to ask for a day: nobody here waits that long, and a number stays a number."""
_LONGEST_KEY: Final = 400


class FetchFailed(Exception):
    """The days could not be fetched; nothing was taken. The text is a sentence for the administrator."""


class KeyRefused(FetchFailed):
    """The provider does not accept the key, or it may not read usage."""


class SlowDown(FetchFailed):
    """The provider asks to wait longer than we may."""

    def __init__(self, name: str, retry_after_s: int) -> None:
        super().__init__(
            _("%(name)s asks to wait %(seconds)s s before the next question. Try again then.")
            % {"name": name, "seconds": retry_after_s}
        )
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Fetched:
    """All days that were asked for and that the provider knows, oldest first."""

    days: list[ReportedDay]
    organisation: str | None
    """The organisation the key belongs to, when the provider says so."""


@dataclass(slots=True)
class Fetcher:
    """Asks usage APIs. `patience_s`: how long it may wait in all when it is asked to; 0 for a page that is waited for.

    `address` replaces the provider's own in tests.
    """

    patience_s: float = 0.0
    address: str | None = None
    sleep: Callable[[float], None] = time.sleep
    _waited_s: float = field(default=0.0, init=False)

    def fetch(self, api: UsageApi, key: str, first: date, last: date) -> Fetched:
        """The days from first to last. Raises FetchFailed, KeyRefused or SlowDown; then nothing is to be changed."""
        if not key or len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
            raise KeyRefused(_("That is no key of %(name)s: a key is one word of plain letters.") % {"name": api.name})
        self._waited_s = 0.0
        days: dict[date, ReportedDay] = {}
        organisation: str | None = None
        cursors: set[str] = set()
        cursor: str | None = None
        address = self.address or api.address
        with _pool(address) as pool:
            for _page in range(MAX_PAGES):
                answer = self._ask(pool, api, f"{address}{api.path}?{urlencode(api.query(first, last, cursor))}", key)
                named = answer.headers.get(api.organisation_header)
                if organisation and named and named != organisation:
                    raise _changed(api, "its pages are of two organisations")
                organisation = named or organisation
                page = _read(api, answer.body)
                for day in page.days:
                    if day.day in days:
                        raise _changed(api, f"{day.day} came twice")
                    days[day.day] = day
                cursor = page.next_page
                if cursor is None:
                    # A bucket that only touches the end of the window may come as well; it is not whole yet.
                    return Fetched([days[day] for day in sorted(days) if first <= day <= last], organisation)
                if cursor in cursors:
                    raise _changed(api, "its pages go round in a circle")
                cursors.add(cursor)
        raise _changed(api, f"there are more than {MAX_PAGES} pages")

    def _ask(self, pool: urllib3.PoolManager, api: UsageApi, url: str, key: str) -> _Answer:
        """One answer with status 200; waits and asks again where that helps and patience lasts."""
        headers = {"accept": "application/json", "user-agent": f"toktra/{toktra.__version__}", **api.headers(key)}
        for attempt in range(RETRIES + 1):
            answer = _once(pool, api, url, headers)
            if answer.status == 200:
                return answer
            if answer.status != 429 and answer.status < 500:
                raise _refusal(api, answer.status)
            pause_s = _retry_after_s(answer.headers.get("retry-after"))
            if pause_s is None:
                pause_s = _PAUSE_S * 2**attempt
            if attempt == RETRIES or self._waited_s + pause_s > self.patience_s:
                if answer.status == 429:
                    raise SlowDown(api.name, max(1, round(pause_s)))
                raise _refusal(api, answer.status)
            self._waited_s += pause_s
            self.sleep(pause_s)
        raise AssertionError("the last attempt answers or raises")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _pool(address: str) -> urllib3.PoolManager:
    context = ssl.create_default_context() if address.startswith("https://") else None
    return urllib3.PoolManager(
        num_pools=1,
        retries=False,
        ssl_context=context,
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
    )


def _once(pool: urllib3.PoolManager, api: UsageApi, url: str, headers: dict[str, str]) -> _Answer:
    try:
        answer = pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
        try:
            body = answer.read(MAX_ANSWER_BYTES + 1)
            if len(body) > MAX_ANSWER_BYTES:
                raise FetchFailed(_("%(name)s answered with more than 8 MB. Nothing was taken.") % {"name": api.name})
            return _Answer(answer.status, answer.headers, body)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise FetchFailed(
            _("%(name)s did not answer, or not completely (%(fault)s). Nothing was taken; try again later.")
            % {"name": api.name, "fault": type(error).__name__}
        ) from None


def _refusal(api: UsageApi, status: int) -> FetchFailed:
    if status in {401, 403}:
        sentence = (
            _("%(name)s does not accept this key. Needed: %(help)s")
            if status == 401
            else _("This key may not read the usage of the organisation. Needed: %(help)s")
        )
        return KeyRefused(sentence % {"name": api.name, "help": api.key_help})
    if status >= 500:
        return FetchFailed(
            _("%(name)s has a fault of its own (status %(status)s). Nothing was taken; try again later.")
            % {"name": api.name, "status": status}
        )
    return FetchFailed(
        _("%(name)s answered in a way that is not documented (status %(status)s). Nothing was taken.")
        % {"name": api.name, "status": status}
    )


def _read(api: UsageApi, body: bytes) -> Page:
    try:
        return api.read(body)
    except ChangedShape as error:
        raise _changed(api, str(error)) from None


def _changed(api: UsageApi, where: str) -> FetchFailed:
    return FetchFailed(
        _("%(name)s answered in a shape that is not the documented one (%(where)s). Nothing was taken.")
        % {"name": api.name, "where": where}
    )


def _retry_after_s(text: str | None) -> float | None:
    """Seconds, or an HTTP date (RFC 9110, 10.2.3), a day at most; None when there is neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return min(float(text), _LONGEST_PAUSE_S)
    try:
        pause_s = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, pause_s), _LONGEST_PAUSE_S)

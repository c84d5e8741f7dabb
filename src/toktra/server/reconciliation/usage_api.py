"""What the providers' usage APIs are asked and how they answer. Pure: no sockets here.

Shapes as documented by the providers in November 2026:
OpenAI  GET /v1/organization/usage/completions (developers.openai.com/api/reference, organization usage)
Anthropic  GET /v1/organizations/usage_report/messages (platform.claude.com/docs/en/api/admin/usage_report)
Both give buckets of whole UTC days, 31 at most on a page, and a cursor to the next page. Fields we do not know are
ignored; a field that is missing, negative or of another type is a changed shape and refused whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from toktra.server.web.language import _

DAYS_A_PAGE: Final = 31
_DAY: Final = timedelta(days=1)

_Shape = TypeVar("_Shape")
_Count = Annotated[int, Meta(ge=0, le=2**53)]


class ChangedShape(ValueError):
    """An answer is not of the documented shape; nothing of it was taken. The text says where it differs."""


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """What a provider billed on one UTC day."""

    day: date
    input_tokens: int
    """Fresh and cached ones together: devices send them all."""
    output_tokens: int
    """Visible and reasoning."""
    requests: int | None
    """None where the provider does not count them."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: some days, and the cursor of the next page."""

    days: list[ReportedDay]
    next_page: str | None


@dataclass(frozen=True, slots=True)
class UsageApi:
    """One provider's usage API."""

    provider_id: str
    name: str
    address: str
    path: str
    headers: Callable[[str], dict[str, str]]
    """From the key."""
    window: Callable[[date, date], dict[str, str]]
    """Query parameters for the days from the first up to and including the last."""
    read: Callable[[bytes], Page]
    """Raises ChangedShape."""
    organisation_header: str
    """The answer's header that names the organisation the key belongs to."""
    key_help: str
    """Where to get a key and what it must be allowed."""

    def query(self, first: date, last: date, page: str | None) -> dict[str, str]:
        """All query parameters of one request."""
        return {**self.window(first, last), "bucket_width": "1d", "limit": str(DAYS_A_PAGE)} | (
            {"page": page} if page is not None else {}
        )


class _OpenAiResult(msgspec.Struct, frozen=True):
    input_tokens: _Count
    output_tokens: _Count
    num_model_requests: _Count


class _OpenAiBucket(msgspec.Struct, frozen=True):
    start_time: int
    end_time: int
    results: list[_OpenAiResult]


class _OpenAiPage(msgspec.Struct, frozen=True):
    data: list[_OpenAiBucket]
    has_more: bool
    next_page: str | None = None


def _read_openai(body: bytes) -> Page:
    answer = _decode(body, _OpenAiPage)
    days = [
        ReportedDay(
            day=_whole_day(_at(bucket.start_time), _at(bucket.end_time)),
            # input_tokens holds the cached ones already.
            input_tokens=sum(result.input_tokens for result in bucket.results),
            output_tokens=sum(result.output_tokens for result in bucket.results),
            requests=sum(result.num_model_requests for result in bucket.results),
        )
        for bucket in answer.data
    ]
    return Page(days, _cursor(has_more=answer.has_more, next_page=answer.next_page))


class _CacheCreation(msgspec.Struct, frozen=True):
    ephemeral_1h_input_tokens: _Count
    ephemeral_5m_input_tokens: _Count


class _AnthropicResult(msgspec.Struct, frozen=True):
    uncached_input_tokens: _Count
    cache_read_input_tokens: _Count
    cache_creation: _CacheCreation
    output_tokens: _Count


class _AnthropicBucket(msgspec.Struct, frozen=True):
    starting_at: datetime
    ending_at: datetime
    results: list[_AnthropicResult]


class _AnthropicPage(msgspec.Struct, frozen=True):
    data: list[_AnthropicBucket]
    has_more: bool
    next_page: str | None = None


def _read_anthropic(body: bytes) -> Page:
    answer = _decode(body, _AnthropicPage)
    days = [
        ReportedDay(
            day=_whole_day(bucket.starting_at, bucket.ending_at),
            input_tokens=sum(
                result.uncached_input_tokens
                + result.cache_read_input_tokens
                + result.cache_creation.ephemeral_1h_input_tokens
                + result.cache_creation.ephemeral_5m_input_tokens
                for result in bucket.results
            ),
            output_tokens=sum(result.output_tokens for result in bucket.results),
            requests=None,
        )
        for bucket in answer.data
    ]
    return Page(days, _cursor(has_more=answer.has_more, next_page=answer.next_page))


OPENAI: Final = UsageApi(
    provider_id="openai",
    name="OpenAI",
    address="https://api.openai.com",
    path="/v1/organization/usage/completions",
    headers=lambda key: {"authorization": f"Bearer {key}"},
    window=lambda first, last: {
        "start_time": str(int(_midnight(first).timestamp())),
        "end_time": str(int(_midnight(last + _DAY).timestamp())),
    },
    read=_read_openai,
    organisation_header="openai-organization",
    key_help=_(
        "An admin key of your organisation (platform.openai.com, Organization, Admin keys) that may read usage."
    ),
)
ANTHROPIC: Final = UsageApi(
    provider_id="anthropic",
    name="Anthropic",
    address="https://api.anthropic.com",
    path="/v1/organizations/usage_report/messages",
    headers=lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
    window=lambda first, last: {"starting_at": _rfc3339(first), "ending_at": _rfc3339(last + _DAY)},
    read=_read_anthropic,
    organisation_header="anthropic-organization-id",
    key_help=_(
        "An admin key of your organisation (platform.claude.com, Settings, Admin keys); it begins with sk-ant-admin."
    ),
)
USAGE_APIS: Final[Mapping[str, UsageApi]] = MappingProxyType({api.provider_id: api for api in (OPENAI, ANTHROPIC)})
"""By provider id."""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _rfc3339(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _at(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise ChangedShape(f"{seconds} is no time") from None


def _whole_day(start: datetime, end: datetime) -> date:
    """The day a bucket is of. Raises ChangedShape unless it is exactly one UTC day."""
    if start.tzinfo is None or end.tzinfo is None:
        raise ChangedShape("a bucket's time has no zone")
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start.time() != time() or end - start != _DAY:
        raise ChangedShape(f"a bucket from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} is not one UTC day")
    return start.date()


def _cursor(*, has_more: bool, next_page: str | None) -> str | None:
    if has_more and not next_page:
        raise ChangedShape("there is more, but no next_page")
    return next_page if has_more else None


def _decode(body: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ChangedShape(str(error)) from None

"""What an account and the agent say to each other over the control socket: one line of JSON each way, then the end.

No message names an account. Whose Privacy Hours and whose record are meant is who asks, and that the kernel says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from toktra.agent.perks.messages import PerksAnswer, PerksRequest
from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.privacy_hours.portal import Waiting
from toktra.agent.privacy_hours.wishes import MAX_ADDED, MAX_PAUSE_MINUTES
from toktra.wire.events import HostName, UsageEvent, decode
from toktra.wire.schedule import MAX_SCHEDULE_BYTES, MAX_WINDOWS, Pause, Schedule, Window, ZoneName

MAX_REQUEST_BYTES: Final = MAX_SCHEDULE_BYTES
MAX_ANSWER_BYTES: Final = (2 + MAX_ADDED) * MAX_SCHEDULE_BYTES
MAX_LOGGED: Final = 500
"""Events in one answer; each takes about 300 bytes."""
MAX_BROWSED: Final = 100

_Windows = Annotated[tuple[Window, ...], Meta(min_length=1, max_length=MAX_WINDOWS)]


class Show(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="show"):
    """How do my Privacy Hours stand?"""


class Add(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="add"):
    """More windows for my schedule."""

    windows: _Windows
    zone: ZoneName | None = None
    """The zone their times are written in. None: the schedule's own, or for the first windows the device's."""


class Remove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="remove"):
    """Fewer windows in my schedule."""

    windows: _Windows


class RemoveAll(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="remove-all"
):
    """An empty schedule, also in place of one that cannot be read."""


class PauseFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="pause-for"):
    """Private from now."""

    minutes: Annotated[int, Meta(ge=1, le=MAX_PAUSE_MINUTES)]


class PauseUntil(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="pause-until"
):
    """Private from now."""

    until: Annotated[datetime, Meta(tz=True)] | None = None
    """None: until I resume."""


class Resume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="resume"):
    """End what is private now: a pause, and my windows that run, this once."""


class ConfirmClock(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="confirm-clock"
):
    """The clock of this device is right."""


class Today(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="today"):
    """How is the agent doing, and what was recorded of me since midnight?"""

    since: Annotated[datetime, Meta(tz=True)]
    """Midnight, where the one who asks is."""


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="log"):
    """What of me has left this device? Newest first, as far as it is kept."""

    before: Annotated[int, Meta(ge=1)] | None = None
    """Go on after an earlier answer: the `place` of its last event."""
    host: Annotated[str, Meta(max_length=253)] = ""
    """Only events whose provider host holds this text."""
    since: Annotated[datetime, Meta(tz=True)] | None = None
    """Only what was sent at or after this."""
    limit: Annotated[int, Meta(ge=1, le=MAX_LOGGED)] = 100


class ConfirmPortal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="confirm-portal"
):
    """I agree to what waits for me."""

    waiting: Waiting
    """As it was told: what began to wait since is not agreed to."""


class BrowserUse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request of a browser to a provider, as the extension tells it."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}\Z")]
    """Made up by the extension, so that the same use told twice is one; kept nowhere."""
    host: HostName
    started_at: Annotated[float, Meta(ge=0, le=1e11)]
    """Seconds since 1970."""
    ended_at: Annotated[float, Meta(ge=0, le=1e11)]
    request_bytes: Annotated[int, Meta(ge=0, le=2**50)] | None
    """None: the browser does not tell."""
    response_bytes: Annotated[int, Meta(ge=0, le=2**50)] | None
    streamed: bool


class Browsed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="browsed"):
    """My browser used AI."""

    uses: Annotated[tuple[BrowserUse, ...], Meta(min_length=1, max_length=MAX_BROWSED)]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="claim"):
    """I want to say at the portal that this account is mine."""


HoursRequest = Show | Add | Remove | RemoveAll | PauseFor | PauseUntil | Resume | ConfirmClock | ConfirmPortal
"""What is about the Privacy Hours of the account that asks."""
Request = HoursRequest | Today | Log | Browsed | Claim | PerksRequest


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="told"):
    """How it stands with the account that asked, after what it asked for was done."""

    private: bool
    until: datetime | None
    """When that changes next, as far as anything is planned; UTC."""
    because: str
    in_words: str
    """State, until when and why, on one line."""
    schedule: Schedule | None
    """None: it cannot be read."""
    added: tuple[Schedule, ...] = ()
    """Private time from elsewhere, beside the owner's."""
    pause: Pause | None = None
    note: str = ""
    """What the owner has to know beside it."""
    reason: Reason = Reason.NOTHING_PLANNED
    """As `because`, for a program that has its own words."""
    window: Window | None = None
    """The window that covers this moment, where `reason` is one."""
    waiting: Waiting | None = None
    """What would take private time away and therefore waits for the owner; None: nothing."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An estimate with its 90 % interval."""

    low: int
    high: int


class OwnToday(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="today"):
    """How the agent is doing, and what it recorded of the account that asked."""

    tenant: str
    server: str
    device: str
    link: Literal["starting", "connected", "unreachable", "shut-out"]
    """See `uplink.Link`."""
    link_because: str
    """Why nothing is uploaded and what to do, empty when all is well."""
    exchanges: int
    tokens: Tokens
    """Input and output together."""
    request_bytes: int
    response_bytes: int
    waiting: int
    """Events of this account that have not left yet, of whatever day."""


class LeftEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One usage event, exactly as it left."""

    place: int
    """In the order of leaving."""
    sent_at: datetime
    """When the server confirmed it; UTC."""
    event: UsageEvent


class Left(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="left"):
    """What has left this device of the account that asked, newest first."""

    events: tuple[LeftEvent, ...]
    more: bool
    """Older ones match as well."""
    kept_days: int
    """How long this record is kept."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="noted"):
    """It was taken; what comes of it the gate and the network decide."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="refused"):
    """Nothing was changed."""

    because: str
    """For the person who asked: what is wrong, and what to do."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="claimed"):
    """A code with which its owner says whose the account is."""

    url: str
    """Of the page that asks to confirm it."""
    code: str
    account: str
    """What the device calls the account that asked."""
    valid_minutes: int


Answer = Told | OwnToday | Left | Noted | Claimed | PerksAnswer | Refused

_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def read_request(line: bytes) -> Request:
    """Raises toktra.wire.events.InvalidMessage naming the field at fault."""
    return decode(line, _requests)


def read_answer(line: bytes) -> Answer:
    """Raises toktra.wire.events.InvalidMessage."""
    return decode(line, _answers)


def in_utc(moment: datetime) -> datetime:
    """The next whole second, in UTC."""
    return datetime.fromtimestamp(-(-moment.timestamp() // 1), UTC)

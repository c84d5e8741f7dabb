"""What a scheduled export is, and which of its periods are due. Pure; days are UTC days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format

_DAY: Final = timedelta(days=1)
_LONGEST_MONTH: Final = timedelta(days=31)


class Rhythm(StrEnum):
    """How long one period is, as stored."""

    DAILY = "daily"
    WEEKLY = "weekly"
    """From Monday to Sunday."""
    MONTHLY = "monthly"

    def first_of(self, day: date) -> date:
        """The first day of the period that `day` is in."""
        match self:
            case Rhythm.DAILY:
                return day
            case Rhythm.WEEKLY:
                return day - timedelta(days=day.weekday())
            case Rhythm.MONTHLY:
                return day.replace(day=1)

    def after(self, first: date) -> date:
        """The first day of the next period."""
        match self:
            case Rhythm.DAILY:
                return first + _DAY
            case Rhythm.WEEKLY:
                return first + 7 * _DAY
            case Rhythm.MONTHLY:
                return (first + _LONGEST_MONTH).replace(day=1)


class RunState(StrEnum):
    """Of a run, as stored."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Fault(StrEnum):
    """Why an attempt did not deliver, as stored."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """The bucket's service said no; which word it used stands beside it."""
    NO_BUCKET = "no-bucket"
    NOT_ALLOWED = "not-allowed"
    """The endpoint is inside a private network, and that is not allowed here."""
    OUTSIDE_REGION = "outside-region"
    KEYS_LOST = "keys-lost"
    """What is stored cannot be opened with this server's secret key."""
    NO_FOLDER = "no-folder"
    """This server has no folder for exports."""
    NOT_WRITABLE = "not-writable"
    NO_SPACE = "no-space"
    ENDED = "ended"
    """The schedule was ended before this period was sent."""


LASTING: Final = frozenset({Fault.NOT_ALLOWED, Fault.OUTSIDE_REGION, Fault.KEYS_LOST})
"""Trying again changes nothing."""
CLEAR: Final = frozenset(Fault) - {Fault.UNREACHABLE}
"""Whoever says this has not got the file. Who was not reached, or did not say, may have it."""


class NotDelivered(Exception):
    """An attempt failed. `detail` is one word of whoever refused, never a text of theirs."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Folder:
    """Below the server's folder for exports."""

    name: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where in S3, or in a service that speaks it. `endpoint` is empty for Amazon's own."""

    endpoint: str
    region: str
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a bucket. Never shown again, and never in a text."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return "Keys(…)"

    @property
    def hint(self) -> str:
        """Enough to tell one key from another."""
        return f"…{self.access_key_id[-4:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What goes where. A delivery that began as this ends as this."""

    dataset: Dataset
    format: Format
    target: Folder | Bucket

    def as_fields(self) -> dict[str, str]:
        """Under the names of the form, and as a run keeps it."""
        said = {"dataset": self.dataset.value, "format": self.format.value}
        if isinstance(self.target, Folder):
            return {**said, "target": "folder", "folder": self.target.name}
        return {**said, "target": "s3", **asdict(self.target)}

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """What `as_fields` said."""
        target: Folder | Bucket
        if fields["target"] == "folder":
            target = Folder(fields["folder"])
        else:
            target = Bucket(fields["endpoint"], fields["region"], fields["bucket"], fields["prefix"])
        return cls(dataset=Dataset(fields["dataset"]), format=Format(fields["format"]), target=target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is sent when, as it was entered."""

    dataset: Dataset
    format: Format
    rhythm: Rhythm
    wait_days: int
    """How long after its end a period is sent, so that devices which were offline are in it."""
    starts_on: date
    target: Folder | Bucket

    @property
    def sent(self) -> Sent:
        return Sent(dataset=self.dataset, format=self.format, target=self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A plan that was stored."""

    schedule_id: UUID
    plan: Plan
    access_key_hint: str
    created_at: datetime
    created_by: str
    """Empty when that person is no longer known."""
    paused_at: datetime | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One period of a schedule, and how far it is."""

    schedule_id: UUID
    first: date
    last: date
    state: RunState
    attempts: int
    size_bytes: int | None
    sent_bytes: int
    sha256: str | None
    fault: Fault | None
    fault_detail: str
    attempted_at: datetime | None
    delivered_at: datetime | None
    schema_version: str | None
    estimator_versions: tuple[str, ...]
    devices_reported: int | None
    devices_enrolled: int | None
    begun_as: Sent | None
    """Null before anything of it was sent."""


def due(plan: Plan, today: date, most: int, planned_until: date | None = None) -> Iterator[tuple[date, date]]:
    """First and last day of the periods that are to be sent by `today`, oldest first, at most so many.

    They follow the last day that was planned before. Where the rhythm has changed since, the first of them is the rest
    of its day, week or month, so that no day is left out and none is sent twice.
    """
    first = plan.rhythm.first_of(plan.starts_on) if planned_until is None else planned_until + _DAY
    for _ in range(most):
        after = plan.rhythm.after(plan.rhythm.first_of(first))
        last = after - _DAY
        if last + timedelta(days=plan.wait_days) > today:
            return
        yield first, last
        first = after

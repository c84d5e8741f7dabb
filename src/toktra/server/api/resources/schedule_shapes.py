"""Scheduled exports as the API says them and takes them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from toktra.server.api.shapes import Day
from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled.entering import MOST_WAIT_DAYS, USUAL_WAIT_DAYS, as_typed
from toktra.server.exports.scheduled.schedule import Bucket, Fault, Folder, Plan, Rhythm, RunState, Schedule, Sent
from toktra.server.exports.scheduled.schedule import Run as KeptRun


class PlaceKind(StrEnum):
    """What kind of place exports go to."""

    S3 = "s3"
    FOLDER = "folder"


class ScheduleState(StrEnum):
    """Whether a scheduled export goes on."""

    OPEN = "open"
    PAUSED = "paused"
    ENDED = "ended"


class ExportPlace(BaseModel):
    """Where exports go. What opens it is never said."""

    kind: Annotated[PlaceKind, Field(examples=["s3"])]
    folder: Annotated[str | None, Field(description="Below the server's folder for exports")] = None
    bucket: Annotated[str | None, Field(examples=["figures"])] = None
    region: Annotated[str | None, Field(examples=["eu-central-1"])] = None
    prefix: Annotated[str | None, Field(examples=["toktra/costs/"])] = None
    endpoint: Annotated[str | None, Field(description="Null for Amazon's own")] = None

    @classmethod
    def of(cls, target: Folder | Bucket) -> Self:
        if isinstance(target, Folder):
            return cls(kind=PlaceKind.FOLDER, folder=target.name)
        return cls(
            kind=PlaceKind.S3,
            bucket=target.bucket,
            region=target.region,
            prefix=target.prefix,
            endpoint=target.endpoint or None,
        )


class SentAs(BaseModel):
    """What went where."""

    dataset: Dataset
    format: Format
    place: ExportPlace

    @classmethod
    def of(cls, sent: Sent | None) -> Self | None:
        if sent is None:
            return None
        return cls(dataset=sent.dataset, format=sent.format, place=ExportPlace.of(sent.target))


class ExportRun(BaseModel):
    """One period of a scheduled export, and how far it is."""

    first_day: Annotated[date, Field(examples=["2026-11-01"])]
    last_day: Annotated[date, Field(examples=["2026-11-30"])]
    state: Annotated[RunState, Field(description="failed: given up, after about a day", examples=["delivered"])]
    attempts: Annotated[int, Field(ge=0, examples=[1])]
    attempted_at: datetime | None
    delivered_at: datetime | None
    sent_as: Annotated[
        SentAs | None, Field(description="Null before anything of it was sent; then it goes out as the export is")
    ]
    size_bytes: Annotated[int | None, Field(description="Of the file, once it is made")]
    sent_bytes: Annotated[int, Field(ge=0, description="How much has arrived; what was cut goes on from there")]
    sha256: Annotated[str | None, Field(description="Of the file")]
    fault: Annotated[Fault | None, Field(description="Why the newest attempt did not arrive")]
    fault_detail: Annotated[str | None, Field(description="One word of whoever refused", examples=["AccessDenied"])]
    schema_version: str | None
    estimator_versions: list[str]
    device_days_reported: int | None
    device_days_enrolled: int | None

    @classmethod
    def of(cls, run: KeptRun) -> Self:
        return cls(
            first_day=run.first,
            last_day=run.last,
            state=run.state,
            attempts=run.attempts,
            attempted_at=run.attempted_at,
            delivered_at=run.delivered_at,
            sent_as=SentAs.of(run.begun_as),
            size_bytes=run.size_bytes,
            sent_bytes=run.sent_bytes,
            sha256=run.sha256,
            fault=run.fault,
            fault_detail=run.fault_detail or None,
            schema_version=run.schema_version,
            estimator_versions=list(run.estimator_versions),
            device_days_reported=run.devices_reported,
            device_days_enrolled=run.devices_enrolled,
        )


class ExportRuns(BaseModel):
    """Some of the periods, newest first."""

    items: list[ExportRun]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


class ScheduledExport(BaseModel):
    """An export that is sent by itself whenever a period is over."""

    schedule_id: UUID
    state: Annotated[ScheduleState, Field(examples=["open"])]
    dataset: Annotated[Dataset, Field(examples=["costs"])]
    format: Annotated[Format, Field(examples=["csv"])]
    rhythm: Annotated[Rhythm, Field(description="How long a period is; a week is from Monday to Sunday")]
    wait_days: Annotated[int, Field(description="How long after its end a period is sent", examples=[3])]
    starts_on: Annotated[date, Field(description="Its first period is the one of this day", examples=["2026-11-01"])]
    place: ExportPlace
    access_key: Annotated[str | None, Field(description="The end of the access key's id", examples=["…MPLE"])]
    created_at: datetime
    newest_run: Annotated[ExportRun | None, Field(description="Null when no period is due yet")]

    @classmethod
    def of(cls, kept: Schedule, newest: KeptRun | None) -> Self:
        plan = kept.plan
        state = ScheduleState.PAUSED if kept.paused_at else ScheduleState.OPEN
        return cls(
            schedule_id=kept.schedule_id,
            state=state if kept.is_open else ScheduleState.ENDED,
            dataset=plan.dataset,
            format=plan.format,
            rhythm=plan.rhythm,
            wait_days=plan.wait_days,
            starts_on=plan.starts_on,
            place=ExportPlace.of(plan.target),
            access_key=kept.access_key_hint or None,
            created_at=kept.created_at,
            newest_run=ExportRun.of(newest) if newest else None,
        )


class ScheduledExports(BaseModel):
    """Some of the scheduled exports, by id."""

    items: list[ScheduledExport]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


_SECRET: Final = {"writeOnly": True, "format": "password"}


class NewExportPlace(BaseModel):
    """A bucket with its region and keys, or a folder. A small file is written there before it is taken."""

    model_config = ConfigDict(extra="forbid")

    kind: PlaceKind
    folder: Annotated[str | None, Field(max_length=200, description="Such as finance or finance/ai")] = None
    bucket: Annotated[str | None, Field(max_length=63)] = None
    region: Annotated[str | None, Field(max_length=60, description="Such as eu-central-1")] = None
    prefix: Annotated[str | None, Field(max_length=500, description="Such as toktra/costs/")] = None
    endpoint: Annotated[str | None, Field(max_length=320, description="Of a service that is not Amazon's")] = None
    access_key_id: Annotated[
        str | None, Field(max_length=200, description="A change without keys leaves a bucket those it has")
    ] = None
    secret_access_key: Annotated[
        str | None, Field(max_length=200, description="Sealed, and never answered", json_schema_extra=_SECRET)
    ] = None

    def fields(self) -> dict[str, str]:
        """As the form of the page says it."""
        said = self.model_dump(exclude={"kind"}, exclude_none=True)
        return {**said, "target": self.kind.value}


def name_of(field: str) -> str:
    """What the API calls a field of the page's form."""
    if field == "target":
        return "place.kind"
    return f"place.{field}" if field in NewExportPlace.model_fields else field


WaitDays = Annotated[
    int, Field(ge=1, le=MOST_WAIT_DAYS, description="How long after its end, so that late devices are in it")
]


class NewScheduledExport(BaseModel):
    """An export that is to be sent by itself."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "dataset": "costs",
                    "format": "csv",
                    "rhythm": "monthly",
                    "wait_days": 3,
                    "starts_on": "2026-11-01",
                    "place": {"kind": "folder", "folder": "finance"},
                }
            ]
        },
    )

    dataset: Dataset
    format: Format = Format.CSV
    rhythm: Rhythm = Rhythm.MONTHLY
    wait_days: WaitDays = USUAL_WAIT_DAYS
    starts_on: Annotated[Day, Field(description="The first period is the one of this day, 400 days back at most")]
    place: NewExportPlace

    def fields(self) -> dict[str, str]:
        """As the form of the page says it."""
        return {
            "dataset": self.dataset.value,
            "format": self.format.value,
            "rhythm": self.rhythm.value,
            "wait_days": str(self.wait_days),
            "starts_on": self.starts_on.isoformat(),
            **self.place.fields(),
        }


class ExportChange(BaseModel):
    """What is to be otherwise. What is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"format": "parquet", "rhythm": "weekly"}]}
    )

    dataset: Dataset | None = None
    format: Format | None = None
    rhythm: Rhythm | None = None
    wait_days: WaitDays | None = None
    place: Annotated[NewExportPlace | None, Field(description="Whole, but for keys that stay")] = None

    def fields(self, before: Plan) -> dict[str, str]:
        """As the form of the page would say it of a plan that is so changed."""
        place = self.place.fields() if self.place else before.sent.as_fields()
        given = self.model_dump(mode="json", exclude={"place"}, exclude_none=True)
        kept = {name: said for name, said in as_typed(before).items() if name in ExportChange.model_fields}
        return {**place, **kept, **{name: str(said) for name, said in given.items()}}

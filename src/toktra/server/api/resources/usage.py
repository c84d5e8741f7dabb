"""Usage of the organisation: the figures of the usage page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from toktra.catalogue.providers import Kind
from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Amounts, Coverage, Day, Days
from toktra.server.usage.breakdown.service import Breakdown, breakdown
from toktra.server.usage.breakdown.view import Against, Grain, Grouping, Measure, Period, UnusableView, View

router = APIRouter(tags=["usage"])


class UsageLine(BaseModel):
    """One provider, kind, host or department of the period."""

    key: Annotated[
        str,
        Field(description="Its id, or name; empty for all that is not shown by department", examples=["openai"]),
    ]
    name: Annotated[str, Field(description="As the page calls it", examples=["OpenAI API"])]
    hosts: Annotated[list[str], Field(examples=[["api.openai.com"]])]
    amounts: Amounts


class UsagePoint(BaseModel):
    """One hour, day, week or month of the period, all lines together."""

    start: Annotated[datetime, Field(description="UTC", examples=["2026-11-02T00:00:00Z"])]
    days: Days
    amounts: Annotated[
        Amounts | None, Field(description="Null where no device reported or the hour is not told: silence is not zero")
    ]
    coverage: Coverage


class Usage(BaseModel):
    """What the organisation used in a period, and what these figures rest on."""

    days: Days
    by: Grouping
    grain: Grain
    total: Amounts
    lines: Annotated[list[UsageLine], Field(description="Most tokens first")]
    points: Annotated[list[UsagePoint], Field(description="In order of time")]
    coverage: Coverage
    hours_withheld: Annotated[
        bool, Field(description="Whether hours of some day are not told, as fewer than five people had any use on it")
    ]
    departments: Annotated[list[str], Field(description="Those that can be asked for", examples=[["Engineering"]])]
    currency_fault: Annotated[
        str | None, Field(description="Why cost is in US dollars and not in the currency that was chosen")
    ]
    estimator_versions: Annotated[list[str], Field(description="Of the period's records", examples=[["2026.11"]])]

    @classmethod
    def of(cls, found: Breakdown) -> Usage:
        return cls(
            days=Days(first=found.view.first, last=found.view.last),
            by=found.view.by,
            grain=found.view.grain,
            total=Amounts.of(found.total, found.currency),
            lines=[
                UsageLine(
                    key=line.key,
                    name=line.name,
                    hosts=list(line.hosts),
                    amounts=Amounts.of(line.now, found.currency),
                )
                for line in found.lines
            ],
            points=[
                UsagePoint(
                    start=bucket.start,
                    days=Days(first=bucket.first, last=bucket.last),
                    amounts=Amounts.of(bucket.together, found.currency) if bucket.together else None,
                    coverage=Coverage.of([bucket.coverage]),
                )
                for bucket in found.buckets
            ],
            coverage=Coverage.of(found.coverage),
            hours_withheld=found.hours_withheld,
            departments=found.departments,
            currency_fault=found.currency_fault or None,
            estimator_versions=found.estimator_versions,
        )


@router.get("/usage", summary="Usage of a period", responses=documented(), operation_id="read_usage")
async def usage(
    *,
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.USAGE_READ])],
    first: Annotated[Day, Query(alias="from", description="First day (UTC)", examples=["2026-11-01"])],
    last: Annotated[Day, Query(alias="to", description="Last day (UTC), at most today", examples=["2026-11-20"])],
    by: Annotated[Grouping, Query(description="What one line stands for")] = Grouping.PROVIDER,
    grain: Annotated[Grain, Query(description="How long one point is; hours for at most seven days")] = Grain.DAY,
    provider: Annotated[str, Query(max_length=100, description="Only this provider, by its id")] = "",
    kind: Annotated[Kind | None, Query(description="Only providers of this kind")] = None,
    department: Annotated[str, Query(max_length=200, description="Only this department")] = "",
) -> Usage:
    """The figures of the usage page, by the same rules: no group of fewer than five people is shown, nor can it be
    found by subtracting; departments are told up to yesterday; hours only of days on which five people or
    more had any use.
    """
    now = datetime.now(UTC)
    asked = {
        "period": Period.DATES,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "against": Against.NOTHING,
        "measure": Measure.TOKENS,
        "by": by,
        "grain": grain,
        "provider": provider,
        "kind": kind or "",
        "department": department,
    }
    try:
        view = View.read(asked, now.date())
    except UnusableView as fault:
        raise refusals.unusable(fault.field, str(fault)) from None
    return Usage.of(await breakdown(caller.database, caller.tenant_id, view, now))

"""What the copy of someone's data holds, file by file. The events are many and are made while they are packed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from toktra.compliance.library import Language, Paper, fill
from toktra.compliance.rendering import as_html_part
from toktra.server.audit.service import LookUp, look_ups
from toktra.server.costs import service as costs
from toktra.server.costs.explanation import Explanation, explain_provider
from toktra.server.costs.projection import Projection
from toktra.server.database.pool import Database
from toktra.server.devices.service import OwnedDevice, devices_of
from toktra.server.directory.service import KnownPerson, find_person
from toktra.server.notices.service import Acknowledged, acknowledged_by, variables_of
from toktra.server.portal import records
from toktra.server.portal.presentation import looked
from toktra.server.privacy_hours.weeks import OwnWeek, as_json
from toktra.server.privacy_hours.words import window_text
from toktra.server.rights.copies.readable import chart_of, page_of
from toktra.server.rights.copies.zipping import File
from toktra.server.rights.requests import Request, requests_of
from toktra.server.sign_in.ways import Ways, ways_of
from toktra.server.usage.person import Subject, every_own_event, own_days
from toktra.server.usage.totals import HostDay
from toktra.server.web.exports import csv_parts

_MOST_LOOK_UPS: Final = 100_000
_DAY_COLUMNS: Final = (
    "day", "provider_host", "exchanges", "request_bytes", "response_bytes", "estimated_input_tokens",
    "estimated_output_tokens", "estimator_version",
)  # fmt: skip
_COST_COLUMNS: Final = (
    "provider", "first_day", "last_day", "exchanges", "tokens_low", "tokens_high", "cost_low", "cost_high", "currency",
    "how",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All but the single events."""

    organisation: str
    person: KnownPerson
    devices: Sequence[OwnedDevice]
    days: Sequence[HostDay]
    projection: Projection | None
    explanations: Sequence[Explanation]
    look_ups: Sequence[LookUp]
    requests: Sequence[Request]
    notices: Sequence[Acknowledged]
    ways: Ways
    week: OwnWeek | None
    """None where they did not leave it to this copy."""
    sheet: str
    """What Art. 15(1) and (2) GDPR ask to be told, as Markdown."""
    made_at: datetime


async def gather(
    database: Database, tenant_id: UUID, person_id: UUID, language: Language, week: OwnWeek | None
) -> Gathered:
    """Raises directory.service.UnknownPerson for someone who has been erased."""
    person = await find_person(database, tenant_id, person_id)
    subject = Subject(tenant_id, person_id, is_reader=True)
    variables = await variables_of(database, tenant_id)
    projection: Projection | None = None
    explanations: list[Explanation] = []
    async with database.tenant(tenant_id) as connection:
        ways = await ways_of(connection, tenant_id, person_id)
        days = await own_days(connection, subject)
        if days:
            first, last = days[0].day, days[-1].day
            pricing = await costs.pricing(connection, tenant_id, first, last)
            (projection,), pricing, _fault = costs.projections(pricing, days, first=first, last=last)
            explanations = [
                explain_provider(line, projection, pricing.rates.assumptions) for line in projection.providers
            ]
    found, _times = await look_ups(database, tenant_id, person_id, offset=0, most=_MOST_LOOK_UPS)
    return Gathered(
        organisation=variables.organisation,
        person=person,
        devices=await devices_of(database, tenant_id, person_id),
        days=days,
        projection=projection,
        explanations=explanations,
        look_ups=found,
        requests=await requests_of(database, tenant_id, person_id),
        notices=await acknowledged_by(database, tenant_id, person_id),
        ways=ways,
        week=week,
        sheet=fill(Paper.ACCESS_SHEET, language, variables).markdown,
        made_at=datetime.now(UTC),
    )


async def files(
    database: Database, tenant_id: UUID, person_id: UUID, gathered: Gathered, *, for_programs: bool
) -> AsyncIterator[File]:
    """The files in the order in which someone opens them. A portability request gets only those that programs read."""
    subject = Subject(tenant_id, person_id, is_reader=True)
    if not for_programs:
        yield File("index.html", _once(_page(gathered)))
        yield File("about-your-data.md", _once(gathered.sheet))
    yield File("about-you.json", _once(msgspec.json.format(msgspec.json.encode(_about(gathered)), indent=2).decode()))
    yield File("events.csv", records.as_csv(every_own_event(database, subject)))
    yield File("events.json", records.as_json(every_own_event(database, subject), gathered.made_at))
    yield File("days.csv", _csv(_DAY_COLUMNS, [_day_row(use) for use in gathered.days]))
    yield File("costs.csv", _csv(_COST_COLUMNS, _cost_rows(gathered)))
    if gathered.week is not None:
        yield File("privacy-hours.json", _once(as_json(gathered.week).decode()))
    yield File("who-looked.csv", _csv(("at", "who", "did", "details"), _look_up_rows(gathered)))


def _page(gathered: Gathered) -> str:
    return page_of(
        gathered=gathered,
        window_text=window_text,
        looked=[looked(one) for one in gathered.look_ups],
        chart=chart_of(gathered.days),
        sheet=as_html_part(gathered.sheet.replace("# ", "## ")),
    )


def _about(gathered: Gathered) -> dict[str, object]:
    details = gathered.person.person.details
    return {
        "made_at": gathered.made_at,
        "organisation": gathered.organisation,
        "person": {
            "id": gathered.person.person.person_id,
            "name": details.name,
            "email": details.email,
            "department": details.department,
            "manager": gathered.person.manager_name,
            "role": details.role,
            "status": details.status,
            "jurisdiction": gathered.person.jurisdiction or None,
            "left_on": gathered.person.left_on,
        },
        "devices": [
            {
                "id": one.device_id,
                "hostname": one.hostname,
                "platform": one.platform,
                "agent_version": one.agent_version,
                "is_active": one.is_active,
                "enrolled_on": one.enrolled_on,
                "last_report_on": one.last_report_on,
                "accounts": one.accounts,
            }
            for one in gathered.devices
        ],
        "who_looked": [
            {"at": one.at, "what": one.tag, "role": one.role, "command": one.command, "purpose": one.reason}
            for one in gathered.look_ups
        ],
        "requests": [
            {
                "number": one.title,
                "kind": one.kind,
                "regulation": one.regulation,
                "received_on": one.received_on,
                "due_on": one.due_on,
                "closed_on": one.closed_on,
                "details": one.details,
            }
            for one in gathered.requests
        ],
        "notices_confirmed": [{"version": one.version, "at": one.at} for one in gathered.notices],
        "ways_in": {
            "passkeys": [
                {"name": one.name, "added_on": one.added_on, "used_on": one.used_on} for one in gathered.ways.passkeys
            ],
            "password_set_on": gathered.ways.password_set_on,
            "recovery_codes_left": gathered.ways.recovery_codes_left,
            "work_account": gathered.ways.work_account,
        },
    }


def _day_row(use: HostDay) -> list[str]:
    return [
        use.day.isoformat(), use.provider_host, str(use.exchanges), str(use.request_bytes), str(use.response_bytes),
        str(use.input_tokens), str(use.output_tokens), use.estimator_version,
    ]  # fmt: skip


def _cost_rows(gathered: Gathered) -> list[list[str]]:
    if gathered.projection is None:
        return []
    rows = []
    for line, told in zip(gathered.projection.providers, gathered.explanations, strict=True):
        how = "; ".join(f"{step.label}: {step.value} ({step.note})" for step in told.steps)
        cost = (f"{line.cost.low:.6f}", f"{line.cost.high:.6f}") if line.cost else ("", "")
        rows.append([
            line.name, line.prices[0].first.isoformat(), line.prices[-1].last.isoformat(), str(line.exchanges),
            f"{line.tokens.low:.0f}", f"{line.tokens.high:.0f}", *cost, gathered.projection.currency, how,
        ])  # fmt: skip
    return rows


def _look_up_rows(gathered: Gathered) -> list[list[str]]:
    return [
        [records.stamp(one.at), (told := looked(one)).who, told.did, " ".join(told.details)]
        for one in gathered.look_ups
    ]


async def _once(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> AsyncIterator[bytes]:
    async def batches() -> AsyncIterator[Sequence[Sequence[str]]]:
        yield rows

    return csv_parts(header, batches())

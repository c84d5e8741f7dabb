"""Everything that is kept about somebody but the single events, gathered from the rooms that keep it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from toktra.compliance.keeping import Kind
from toktra.compliance.library import Language, Paper, fill
from toktra.server.audit.service import LookUp, look_ups
from toktra.server.budgets.service import Alert, alerts_about
from toktra.server.costs import service as costs
from toktra.server.costs.explanation import Explanation, explain_provider
from toktra.server.costs.projection import Projection
from toktra.server.database.pool import Database
from toktra.server.devices.service import OwnedDevice, devices_of
from toktra.server.directory.service import KnownPerson, find_person
from toktra.server.notices.service import Acknowledged, acknowledged_by, variables_of
from toktra.server.perks.enrolling import TakesPart, takes_part
from toktra.server.privacy_hours.weeks import OwnWeek
from toktra.server.retention.service import Proof, proofs
from toktra.server.rights.requests import Request, requests_of
from toktra.server.sign_in.ways import Ways, ways_of
from toktra.server.usage.person import Subject, own_days
from toktra.server.usage.totals import HostDay

_MOST_LOOK_UPS: Final = 100_000


@dataclass(frozen=True, slots=True)
class KeptUntil:
    """When one kind of their data goes."""

    kind: Kind
    keep_days: int
    oldest: date | None
    """The oldest there can be of theirs; None where there is nothing."""
    gone_by: date | None
    """By the morning of that day the oldest is deleted, and what follows it day by day."""


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
    alerts: Sequence[Alert]
    """Messages about budgets that are for them."""
    perks: TakesPart | None
    """None for who takes no part in Token Perks."""
    kept_until: Sequence[KeptUntil]
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
        alerts = await alerts_about(connection, tenant_id, person_id)
        perks = await takes_part(connection, tenant_id, person_id, datetime.now(UTC).date())
        days = await own_days(connection, subject)
        if days:
            first, last = days[0].day, days[-1].day
            pricing = await costs.pricing(connection, tenant_id, first, last)
            (projection,), pricing, _fault = costs.projections(pricing, days, first=first, last=last)
            explanations = [
                explain_provider(line, projection, pricing.rates.assumptions) for line in projection.providers
            ]
    found, _times = await look_ups(database, tenant_id, person_id, offset=0, most=_MOST_LOOK_UPS)
    made_at = datetime.now(UTC)
    requests = await requests_of(database, tenant_id, person_id)
    rules = await proofs(database, tenant_id, made_at.date())
    return Gathered(
        organisation=variables.organisation,
        person=person,
        devices=await devices_of(database, tenant_id, person_id),
        days=days,
        projection=projection,
        explanations=explanations,
        look_ups=found,
        requests=requests,
        notices=await acknowledged_by(database, tenant_id, person_id),
        ways=ways,
        week=week,
        alerts=alerts,
        perks=perks,
        kept_until=list(_kept_until(rules, days, requests, found)),
        sheet=fill(Paper.ACCESS_SHEET, language, variables).markdown,
        made_at=made_at,
    )


def _kept_until(
    rules: Sequence[Proof], days: Sequence[HostDay], requests: Sequence[Request], look_ups: Sequence[LookUp]
) -> Iterator[KeptUntil]:
    first_use = days[0].day if days else None
    first = {
        Kind.EVENTS: first_use,
        Kind.SUMS: first_use,
        Kind.REQUESTS: min((one.closed_on for one in requests if one.closed_on), default=None),
        Kind.AUDIT: look_ups[-1].at.date() if look_ups else None,
    }
    for rule in rules:
        oldest = first[rule.kind]
        if rule.kind is Kind.EVENTS and oldest is not None:
            oldest = max(oldest, rule.kept_from)
        gone_by = None if oldest is None else oldest + timedelta(days=rule.keep_days + 2)
        yield KeptUntil(rule.kind, rule.keep_days, oldest, gone_by)

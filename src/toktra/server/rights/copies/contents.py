"""What the copy of someone's data holds, file by file. The events are many and are made while they are packed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from toktra.compliance.rendering import as_html_part
from toktra.server.budgets.wording import amount_range, exact
from toktra.server.database.pool import Database
from toktra.server.portal import records
from toktra.server.portal.presentation import looked
from toktra.server.privacy_hours.weeks import as_json
from toktra.server.privacy_hours.words import window_text
from toktra.server.retention.routes import KIND_WORDS
from toktra.server.rights.copies.gathering import Gathered
from toktra.server.rights.copies.readable import chart_of, page_of, shares_of
from toktra.server.rights.copies.zipping import File
from toktra.server.usage.person import Subject, every_own_event
from toktra.server.usage.totals import HostDay
from toktra.server.web.exports import csv_parts

_DAY_COLUMNS: Final = (
    "day", "provider_host", "exchanges", "request_bytes", "response_bytes", "estimated_input_tokens",
    "estimated_output_tokens", "estimator_version",
)  # fmt: skip
_COST_COLUMNS: Final = (
    "provider", "first_day", "last_day", "exchanges", "tokens_low", "tokens_high", "cost_low", "cost_high", "currency",
    "how",
)  # fmt: skip


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
        shares=shares_of(gathered),
        estimators=_estimators(gathered),
        kept_words=KIND_WORDS,
        amount_range=amount_range,
        exact=exact,
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
        "budget_messages": [
            {
                "at": one.told_at,
                "period_from": one.period_first,
                "threshold_percent": one.threshold,
                "is_certain": one.is_certain,
                "amount": one.amount,
                "spent_low": one.interval.low,
                "spent_high": one.interval.high,
                "currency": one.currency or "tokens",
            }
            for one in gathered.alerts
        ],
        "token_perks": gathered.perks
        and {
            "tier": gathered.perks.tier,
            "since_month": f"{gathered.perks.since:%Y-%m}",
            "notice_version": gathered.perks.notice_version,
            "tickets_drawn_this_month": gathered.perks.drawn,
        },
        "kept_until": [
            {"kind": one.kind, "keep_days": one.keep_days, "oldest": one.oldest, "gone_by": one.gone_by}
            for one in gathered.kept_until
        ],
        "estimators": _estimators(gathered),
        "ways_in": {
            "passkeys": [
                {"name": one.name, "added_on": one.added_on, "used_on": one.used_on} for one in gathered.ways.passkeys
            ],
            "password_set_on": gathered.ways.password_set_on,
            "recovery_codes_left": gathered.ways.recovery_codes_left,
            "work_account": gathered.ways.work_account,
        },
    }


def _estimators(gathered: Gathered) -> list[str]:
    """By which versions of the estimator their tokens were estimated."""
    return sorted({use.estimator_version for use in gathered.days})


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

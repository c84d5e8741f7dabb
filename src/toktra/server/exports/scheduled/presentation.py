"""Scheduled exports in words: what is sent when and where, and how each period stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.scheduled.schedule import Fault, Folder, Plan, Rhythm, Run, RunState, Schedule, Sent
from toktra.server.exports.scheduled.service import target_words
from toktra.server.web import figures
from toktra.server.web.language import _, ngettext

FAULT_WORDS: Final = {
    Fault.UNREACHABLE: _("It could not be reached. Check the address and the network between."),
    Fault.REFUSED: _("It refused. Check the keys, and that they may write to this bucket and prefix."),
    Fault.NO_BUCKET: _("There is no such bucket. Check its name and region."),
    Fault.NOT_ALLOWED: _(
        "This address is inside a private network, or not encrypted. Whoever runs the server can allow it"
        " (TOKTRA_EXPORTS_TO_PRIVATE)."
    ),
    Fault.OUTSIDE_REGION: _("It is not in this server’s region, or nobody said that it is (TOKTRA_IN_REGION)."),
    Fault.KEYS_LOST: _("Its keys cannot be opened with this server’s secret key. Give them anew."),
    Fault.NO_FOLDER: _(
        "This server has no folder for exports. Whoever runs it can name one (TOKTRA_EXPORT_DIRECTORY)."
    ),
    Fault.NOT_WRITABLE: _("The folder cannot be written to. Check its owner and rights."),
    Fault.NO_SPACE: _("There is no space left where it goes."),
    Fault.ENDED: _("It was ended before this period was sent."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A schedule."""

    schedule_id: UUID
    name: str
    rhythm: str
    where: str
    keys: str
    """Which keys; empty for a folder."""
    made: str
    is_open: bool
    is_paused: bool
    newest: RunLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run."""

    first: str
    """As addresses have it."""
    period: str
    state: str
    badge: str
    at: str
    detail: str
    size: str
    rests_on: str
    sent_as: str
    """What went where, if that is not what goes where now."""
    may_again: bool


def dataset_words(dataset: Dataset) -> str:
    match dataset:
        case Dataset.DAILY:
            return _("Daily sums")
        case Dataset.COSTS:
            return _("Cost (FOCUS 1.2)")
        case Dataset.EVENTS:
            return _("Single records, without who and when")


def rhythm_words() -> list[tuple[str, str]]:
    return [
        (Rhythm.DAILY.value, _("Every day")),
        (Rhythm.WEEKLY.value, _("Every week, Monday to Sunday")),
        (Rhythm.MONTHLY.value, _("Every month")),
    ]


def fault_sentence(fault: Fault, detail: str) -> str:
    """Why it did not arrive, with the word of whoever refused."""
    said = " " + _("It said: %(word)s.") % {"word": detail} if detail else ""
    return str(FAULT_WORDS[fault]) + said


def line(schedule: Schedule, newest: Run | None) -> Line:
    """A schedule in words."""
    plan = schedule.plan
    waits = ngettext("sent %(n)s day after its end", "sent %(n)s days after its end", plan.wait_days)
    rhythm = f"{dict(rhythm_words())[plan.rhythm.value]}, {waits % {'n': plan.wait_days}}"
    day = figures.one_day(schedule.created_at.astimezone(UTC).date())
    by = schedule.created_by or _("someone no longer here")
    return Line(
        schedule_id=schedule.schedule_id,
        name=_what(plan.sent),
        rhythm=rhythm,
        where=_where(plan.sent),
        keys=schedule.access_key_hint,
        made=_("%(name)s, on %(day)s") % {"name": by, "day": day},
        is_open=schedule.is_open,
        is_paused=schedule.is_open and schedule.paused_at is not None,
        newest=run_line(newest, plan) if newest else None,
    )


def _what(sent: Sent) -> str:
    return f"{dataset_words(sent.dataset)}, {sent.format.value.upper()}"


def _where(sent: Sent) -> str:
    if isinstance(sent.target, Folder):
        return _("Folder %(name)s") % {"name": sent.target.name}
    return target_words(sent.target)


def run_line(run: Run, plan: Plan) -> RunLine:
    """A run of a schedule, which has this plan now, in words."""
    at = run.delivered_at or run.attempted_at
    detail = fault_sentence(run.fault, run.fault_detail) if run.fault else ""
    if run.state is RunState.WAITING and run.sent_bytes and run.size_bytes:
        part = _("%(sent)s of %(all)s have arrived; it goes on from there.")
        detail += " " + part % {"sent": figures.size(run.sent_bytes), "all": figures.size(run.size_bytes)}
    rests_on = ""
    if run.schema_version:
        rests_on = _("Layout %(schema)s; %(reported)s of %(enrolled)s device-days; estimators: %(versions)s") % {
            "schema": run.schema_version,
            "reported": figures.count(run.devices_reported or 0),
            "enrolled": figures.count(run.devices_enrolled or 0),
            "versions": ", ".join(run.estimator_versions) or "–",
        }
    return RunLine(
        first=run.first.isoformat(),
        period=figures.days(run.first, run.last),
        state=_state(run),
        badge={RunState.DELIVERED: "", RunState.FAILED: "overdue"}.get(run.state, "warning" if run.fault else ""),
        at=_moment(at) if at else "",
        detail=detail.strip(),
        size=figures.size(run.size_bytes) if run.size_bytes is not None else "",
        rests_on=rests_on,
        sent_as=f"{_what(run.begun_as)}: {_where(run.begun_as)}" if run.begun_as not in (None, plan.sent) else "",
        may_again=run.state is RunState.FAILED,
    )


def _state(run: Run) -> str:
    match run.state:
        case RunState.DELIVERED:
            return _("Delivered")
        case RunState.FAILED:
            return _("Given up")
        case RunState.WAITING if run.fault:
            return _("Tried %(n)s times; tried again later") % {"n": run.attempts}
        case _:
            return _("Waiting")


def _moment(at: datetime) -> str:
    return f"{figures.clock(at)}, {figures.day(at.astimezone(UTC).date())}"

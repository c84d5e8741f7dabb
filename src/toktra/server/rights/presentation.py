"""Requests in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from toktra.compliance.deadlines import Regulation
from toktra.server.people.signed_in import role_word
from toktra.server.rights.kinds import Kind, Stage, Step
from toktra.server.rights.requests import Happened, Request
from toktra.server.web.access import Role
from toktra.server.web.language import _, ngettext

SOON_DAYS: Final = 7

KIND_WORDS: Final = {
    Kind.ACCESS: _("Access"),
    Kind.ERASURE: _("Erasure"),
    Kind.PORTABILITY: _("Portability"),
    Kind.RECTIFICATION: _("Rectification"),
    Kind.OBJECTION: _("Objection"),
    Kind.RESTRICTION: _("Restriction"),
}
REGULATION_WORDS: Final = {Regulation.GDPR: _("GDPR"), Regulation.UK_GDPR: _("UK GDPR"), Regulation.CCPA: _("CCPA")}
_ARTICLES: Final = {
    Kind.ACCESS: "15",
    Kind.RECTIFICATION: "16",
    Kind.ERASURE: "17",
    Kind.RESTRICTION: "18",
    Kind.PORTABILITY: "20",
    Kind.OBJECTION: "21",
}
STAGE_WORDS: Final = {
    Stage.CHECK: (_("Waits for you to find out who it is"), "people"),
    Stage.IDENTITY: (_("Waits for the person to sign in"), "people"),
    Stage.DECISION: (_("Waits for a decision"), "log"),
    Stage.WORKING: (_("Being done"), "clock"),
    Stage.READY: (_("Copy ready"), "check"),
    Stage.DONE: (_("Done"), "check"),
    Stage.REFUSED: (_("Refused"), "none"),
}
STEP_WORDS: Final = {
    Step.RECEIVED: (_("Request made"), "log"),
    Step.CONFIRMED: (_("Receipt confirmed to the person, with the day it is due"), "check"),
    Step.IDENTIFIED: (_("It is known whose request it is"), "people"),
    Step.SEALED_FOR: (_("The person said how the copy is sealed"), "key"),
    Step.PREPARED: (_("Copy made and sealed"), "lock"),
    Step.OPENED: (_("Copy fetched by its person"), "get"),
    Step.EXPIRED: (_("Copy expired and deleted"), "none"),
    Step.STOPPED: (_("Recording stopped"), "pause"),
    Step.RESUMED: (_("Recording goes on"), "send"),
    Step.EXTENDED: (_("Extended"), "clock"),
    Step.GRANTED: (_("Granted"), "check"),
    Step.REFUSED: (_("Refused"), "none"),
    Step.ERASED: (_("Erased: single uses, sums, devices, identity"), "check"),
    Step.REMINDED: (_("Reminder sent"), "send"),
    Step.DELAYED: (_("The server could not do it yet, and goes on trying"), "warn"),
    Step.TAKEN: (_("Somebody of the privacy office sees to it"), "people"),
}


class Urgency(StrEnum):
    """How near the day is; also the end of a style's name."""

    OK = "ok"
    SOON = "soon"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A request's clock: words, and how much of its time is used, in per cent."""

    words: str
    urgency: Urgency
    used_percent: int


@dataclass(frozen=True, slots=True)
class Told:
    """One line of what happened."""

    step: Happened
    words: str
    icon: str
    who: str


def law(request: Request) -> str:
    """GDPR, Art. 15."""
    name = REGULATION_WORDS[request.regulation]
    if request.regulation is Regulation.CCPA:
        return str(name)
    return _("%(law)s, Art. %(number)s") % {"law": name, "number": _ARTICLES[request.kind]}


def time_left(request: Request, today: date) -> TimeLeft:
    """In whole days; the day it is due still counts."""
    left = request.days_left(today)
    whole = max((request.due_on - request.received_on).days, 1)
    used = min(max(round((whole - left) / whole * 100), 0), 100)
    if left < 0:
        words = ngettext("%(n)s day overdue", "%(n)s days overdue", -left) % {"n": -left}
        return TimeLeft(words, Urgency.LATE, 100)
    if left == 0:
        return TimeLeft(_("due today"), Urgency.SOON, used)
    words = ngettext("%(n)s day left", "%(n)s days left", left) % {"n": left}
    return TimeLeft(words, Urgency.SOON if left <= SOON_DAYS else Urgency.OK, used)


def told(step: Happened) -> Told:
    """What happened, and in which role someone did it."""
    words, icon = STEP_WORDS[step.step]
    return Told(step, str(words), icon, str(role_word(Role(step.by_role))) if step.by_role else "")

"""How it stands, in the words and the kind of state the tray shows. Pure: the agent's answers and the time come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from toktra.agent.control_messages import OwnToday, Told
from toktra.agent.perks.messages import PerksTold
from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.tray import words
from toktra.agent.tray.language import _


class Kind(Enum):
    """What the icon says."""

    OBSERVED = "observed"
    PRIVATE = "private"
    PERSONAL = "personal"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Shown:
    """One state, in words."""

    kind: Kind
    headline: str
    """A few words: Private until 13:00."""
    sentence: str
    """What that means, and why."""
    doubts_clock: bool = False
    """The owner can end it by saying that the clock is right."""


def name_of(kind: Kind) -> str:
    """The one word for it."""
    match kind:
        case Kind.OBSERVED:
            return _("Observed")
        case Kind.PRIVATE:
            return _("Private")
        case Kind.PERSONAL:
            return _("Personal")
        case Kind.OFFLINE:
            return _("Offline")


def shown(told: Told | None, today: OwnToday | None, now: datetime, perks: PerksTold | None = None) -> Shown:
    """`told` None: no agent answers. `today` and `perks` None: not known yet."""
    if told is None:
        return Shown(
            Kind.OFFLINE,
            name_of(Kind.OFFLINE),
            _("No agent answers on this device, so none is recording. Tell your administrator if this stays."),
        )
    personal = perks is not None and perks.personal
    if told.private:
        return _private(told, now, personal=personal)
    if perks is not None and personal:
        return _personal(perks, now)
    return Shown(Kind.OBSERVED, name_of(Kind.OBSERVED), " ".join(_observed(told, today, now)))


def waits(told: Told | None) -> list[str]:
    """What would take private time away, asked for elsewhere, and therefore waits for the owner; a line each."""
    if told is None or told.waiting is None:
        return []
    lines = [_("Taken out in the portal: {window}.").format(window=words.window(one)) for one in told.waiting.removes]
    if told.waiting.moves_to is not None:
        windows = "; ".join(words.window(one) for one in told.waiting.moves_to.windows)
        text = _("Your week in the portal takes the place of all your windows: {windows} ({zone}).")
        lines.append(text.format(windows=windows, zone=told.waiting.moves_to.zone))
    for agreement in told.waiting.agreements:
        windows = "; ".join(words.window(one) for one in agreement.windows)
        lines.append(_("A works agreement adds no more: {windows}.").format(windows=windows))
    return lines


def takes_part(perks: PerksTold | None) -> bool:
    """Whether there is anything to show and switch of Token Perks."""
    return perks is not None and (perks.personal or perks.part != "none")


def _personal(perks: PerksTold, now: datetime) -> Shown:
    headline = _("Personal until you switch it off")
    if perks.until is not None:
        headline = _("Personal until {moment}").format(moment=words.moment(perks.until, now))
    if perks.part != "joined":
        sentence = _("This device has no key of yours to seal with, so what you use is not recorded anywhere.")
    else:
        sentence = _("What you begin now is sealed for you and counts for nobody else.")
    return Shown(Kind.PERSONAL, headline, " ".join((sentence, _why_personal(perks))).rstrip())


def _why_personal(perks: PerksTold) -> str:
    match perks.reason:
        case Reason.WINDOW if perks.window is not None:
            return _("Yours: {window}.").format(window=words.window(perks.window))
        case Reason.CLOCK:
            return _("The clock was set, and by one of its times this is personal.")
        case Reason.DAMAGED:
            return _("Personal mode on this device cannot be read, so it counts as on.")
        case Reason.ZONE:
            return _("This device does not know its time zone.")
        case _:
            return ""


def _private(told: Told, now: datetime, *, personal: bool) -> Shown:
    headline = name_of(Kind.PRIVATE)
    if told.until is not None:
        headline = _("Private until {moment}").format(moment=words.moment(told.until, now))
    doubts_clock = told.reason is Reason.CLOCK
    said = [_("Nothing of yours is recorded. AI tools work as always."), _why(told)]
    if personal:
        said.append(_("Personal mode is on as well; private time comes first."))
    sentence = " ".join(one for one in said if one)
    return Shown(Kind.PRIVATE, headline, sentence, doubts_clock=doubts_clock)


def _observed(told: Told, today: OwnToday | None, now: datetime) -> list[str]:
    said = [_("Work use is being counted.")]
    if told.until is None:
        said.append(_("No private time is planned."))
    else:
        said.append(_("Next private time: {moment}.").format(moment=words.moment(told.until, now)))
    if today is not None and today.link in ("unreachable", "shut-out"):
        said.append(_("The server does not take it now: what is counted waits on this device."))
    return said


def _why(told: Told) -> str:  # noqa: PLR0911 - one for each reason
    match told.reason:
        case Reason.PAUSE:
            return _("You paused.") if told.until else _("You paused, until you resume.")
        case Reason.WINDOW | Reason.ADDED if told.window is not None:
            text = _("Added by a works agreement: {window}.") if told.reason is Reason.ADDED else _("Yours: {window}.")
            return text.format(window=words.window(told.window))
        case Reason.ZONE_CHANGE:
            return _("It was private when the time zone changed.")
        case Reason.CLOCK:
            return _("The clock was set, and by one of its times this is private. Is it right now?")
        case Reason.DAMAGED:
            return _("Your schedule on this device cannot be read. Set it again.")
        case Reason.ZONE:
            return _("This device does not know its time zone.")
        case _:
            return ""

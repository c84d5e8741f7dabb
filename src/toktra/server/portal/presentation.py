"""The portal in words: what a look-up was, what the newest record holds, which periods there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from toktra.server.audit.service import LookUp
from toktra.server.audit.tags import Tag
from toktra.server.devices.service import OwnedDevice
from toktra.server.people.service import role_word
from toktra.server.usage.collected import SEVEN_FACTS
from toktra.server.usage.period import Period
from toktra.server.usage.person import Event
from toktra.server.web import figures
from toktra.server.web.language import _


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    """One choice of period."""

    value: str
    label: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """One line of "who looked"."""

    at: datetime
    icon: str
    who: str
    did: str
    details: list[str]


def period_choices(current: Period, today: date) -> list[PeriodChoice]:
    """The periods, the one shown marked."""
    labels = {
        Period.SEVEN_DAYS: _("7 days"),
        Period.THIRTY_DAYS: _("30 days"),
        Period.THIS_MONTH: figures.month(today),
    }
    return [PeriodChoice(period.value, label, period is current) for period, label in labels.items()]


def newest_record(event: Event | None, devices: Sequence[OwnedDevice]) -> list[tuple[str, str, str]]:
    """The seven facts with what they are in this event: name, sentence, value. Empty without an event."""
    if event is None:
        return []
    accounts = next((device.accounts for device in devices if device.device_id == event.device_id), [])
    values = {
        "provider_host": event.provider_host,
        "request_bytes": figures.count(event.request_bytes),
        "response_bytes": figures.count(event.response_bytes),
        "estimated_input_tokens": _("%(tokens)s in") % {"tokens": figures.tokens(event.tokens_in)},
        "estimated_output_tokens": _("%(tokens)s out") % {"tokens": figures.tokens(event.tokens_out)},
        "at": second(event.at),
        "device": f"{event.hostname} ({event.device_id})" if event.hostname else str(event.device_id),
        "user": ", ".join(accounts) or "–",
    }
    return [(fact.name, fact.sentence, ", ".join(values[field] for field in fact.fields)) for fact in SEVEN_FACTS]


def second(at: datetime) -> str:
    """2026-11-20 14:21:09, for the person's own records only. `at` is in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


_DID: Final = {
    Tag.PERSON_VIEWED: _("opened your entry in the directory"),
    Tag.USAGE_VIEWED: _("opened your figures"),
    Tag.USAGE_DOWNLOADED: _("downloaded all your records"),
    Tag.SIGN_IN_LINK_CREATED: _("made a link that signs you in"),
}


def looked(look_up: LookUp) -> Looked:
    """A look-up as a sentence. Staff are named by their role."""
    if look_up.is_own:
        who = _("You")
    elif look_up.role is not None:
        who = role_word(look_up.role)
    elif look_up.command is not None:
        who = _("Someone on the server’s machine")
    else:
        who = _("The server")
    icon = {Tag.USAGE_DOWNLOADED: "get", Tag.SIGN_IN_LINK_CREATED: "key"}.get(look_up.tag, "people")
    return Looked(look_up.at, icon, who, _DID[look_up.tag], _details(look_up))


def _details(look_up: LookUp) -> list[str]:
    details = []
    if look_up.role is not None and look_up.command:
        details.append(_("By the program “%(program)s”.") % {"program": look_up.command})
    if look_up.reason:
        details.append(_("Purpose given: “%(reason)s”.") % {"reason": look_up.reason})
    match look_up.tag:
        case Tag.USAGE_VIEWED if {"first_day", "last_day"} <= set(look_up.after):
            first, last = (date.fromisoformat(str(look_up.after[key])) for key in ("first_day", "last_day"))
            details.append(
                _("Saw: totals, days and providers, %(dates)s. No single event and no time.")
                % {"dates": figures.days(first, last)}
            )
        case Tag.USAGE_DOWNLOADED:
            details.append(str(look_up.after["format"]).upper())
        case Tag.SIGN_IN_LINK_CREATED:
            if look_up.command:
                details.append(_("With the command toktra %(command)s.") % {"command": look_up.command})
            until = figures.moment(datetime.fromisoformat(f"{look_up.after['expires_at']}Z"))
            details.append(_("Who has the link can sign in as you, once, until %(time)s UTC.") % {"time": until})
        case _:
            pass
    return details

"""The levels of attribution in words, for those who decide and for those who are measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from toktra.server.tenants.attribution import Attribution, Change, Level
from toktra.server.web import figures
from toktra.server.web.language import _

RECENT: Final = timedelta(days=30)
"""So long a decision stands on the employee's first page; after that, among the notices."""


@dataclass(frozen=True, slots=True)
class LevelWords:
    """What a level means."""

    level: Level
    name: str
    kept: str
    shown: str


LEVELS: Final = (
    LevelWords(
        Level.PERSON,
        _("Person"),
        _("Each use is kept with the account, and so with the person, who used it."),
        _("Figures of one person open only with a purpose, which the person reads. Everyone sees all that is kept "
          "about them."),
    ),
    LevelWords(
        Level.DEPARTMENT,
        _("Department"),
        _("Only sums are kept, by day and department. The person, the device and the time are dropped before anything "
          "is written."),
        _("Nothing of fewer than five people, and nothing from which so few could be found by subtracting."),
    ),
    LevelWords(
        Level.ORGANISATION,
        _("Organisation"),
        _("Only sums are kept, by day, for the whole organisation. The person, the device, the department and the time "
          "are dropped before anything is written."),
        _("Nothing on days on which fewer than five people’s devices reported."),
    ),
)  # fmt: skip

_NAMES: Final = {words.level: words.name for words in LEVELS}


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """One decision as a notice."""

    at: datetime
    heading: str
    sentences: tuple[str, ...]
    reason: str
    is_more: bool


def words_of(level: Level) -> LevelWords:
    """What the level means."""
    return next(words for words in LEVELS if words.level is level)


def name_of(level: Level) -> str:
    """As the page calls it."""
    return _NAMES[level]


def described(change: Change) -> ChangeWords:
    """A decision as every employee reads it."""
    of = {"former": _NAMES[change.former], "level": _NAMES[change.level], "day": _day(change.effective_at)}
    if change.is_more:
        heading = _("More detail is kept from %(day)s") % of
        sentences = (
            _("AI use was kept by: %(former)s. It will be kept by: %(level)s.") % of,
            _("Only what happens from then on. What was recorded before is not changed and not added to."),
        )
    else:
        heading = _("Less detail is kept since %(day)s") % of
        sentences = (
            _("AI use was kept by: %(former)s. It is kept by: %(level)s.") % of,
            _("The detail that was kept before is deleted."),
        )
    return ChangeWords(change.changed_at.astimezone(UTC), heading, sentences, change.reason, change.is_more)


def recent(changes: list[Change], now: datetime) -> list[ChangeWords]:
    """Decisions that the first page of everyone says."""
    return [described(change) for change in changes if now - max(change.changed_at, change.effective_at) < RECENT]


def next_words(found: Attribution) -> str:
    """What is decided and has not begun; empty for nothing."""
    if found.next_level is None or found.next_at is None:
        return ""
    return _("From %(day)s, 00:00 UTC: %(level)s.") % {
        "day": _day(found.next_at),
        "level": _NAMES[found.next_level],
    }


def _day(at: datetime) -> str:
    day: date = at.astimezone(UTC).date()
    return figures.day(day)

"""What a budget is: whose use it is about, of what, how much from which day on, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from toktra.server.budgets.periods import Rhythm

DEFAULT_THRESHOLDS: Final = (50, 80, 100)
FORECAST: Final = 0
"""Stands among thresholds for "the forecast may pass it"."""


class SubjectKind(StrEnum):
    """Whose use, as stored."""

    ORGANISATION = "organisation"
    DEPARTMENT = "department"
    PROVIDER = "provider"
    PERSON = "person"


class Unit(StrEnum):
    """Counted in what, as stored."""

    MONEY = "money"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose use. `key` is a department's name or a provider's id; `person_id` is for people."""

    kind: SubjectKind
    key: str = ""
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What was said of a budget at one time, in force from `valid_from` on."""

    valid_from: date
    amount: Decimal
    currency: str | None
    """None for tokens."""
    thresholds: tuple[int, ...]
    """Per cent of the amount, ascending."""
    tells_of_forecast: bool
    owner_id: UUID | None
    set_by: UUID | None = None
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One budget with all its versions, oldest first. It has one at least, in force from `starts_on`."""

    budget_id: UUID
    subject: Subject
    unit: Unit
    rhythm: Rhythm
    starts_on: date
    ended_on: date | None
    versions: tuple[Version, ...]

    def on(self, day: date) -> Version:
        """What is in force on a day; before the first version's day, the first."""
        return in_force(self.versions, day)

    @property
    def is_open(self) -> bool:
        return self.ended_on is None


def in_force(versions: Sequence[Version], day: date) -> Version:
    """The version with the latest day up to `day`; of several, the one that was said last."""
    found = versions[0]
    for version in versions:
        if version.valid_from <= day and version.valid_from >= found.valid_from:
            found = version
    return found

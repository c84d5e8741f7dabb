"""Budgets as the API says them and takes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from toktra.server.api.shapes import Day, Days
from toktra.server.budgets.budget import Subject, SubjectKind, Unit
from toktra.server.budgets.budget import Version as KeptVersion
from toktra.server.budgets.entering import MOST_THRESHOLDS
from toktra.server.budgets.periods import Every
from toktra.server.budgets.service import Now
from toktra.server.budgets.standing import Standing

Amount = Annotated[
    Decimal, Field(gt=0, le=10**15, decimal_places=2, description="Tokens or money", examples=["6400.50"])
]


class BudgetSubject(BaseModel):
    """Whose use a budget is about."""

    kind: SubjectKind
    department: Annotated[str | None, Field(max_length=200, examples=["Engineering"])] = None
    provider: Annotated[str | None, Field(max_length=100, description="Its id")] = None
    person_id: UUID | None = None

    @classmethod
    def of(cls, subject: Subject) -> Self:
        return cls(
            kind=subject.kind,
            department=subject.key if subject.kind is SubjectKind.DEPARTMENT else None,
            provider=subject.key if subject.kind is SubjectKind.PROVIDER else None,
            person_id=subject.person_id,
        )


class BudgetVersion(BaseModel):
    """What was said of a budget at one time, in force from a day on."""

    valid_from: date
    amount: Annotated[str, Field(description="Tokens, or money in the currency", examples=["6400.50"])]
    currency: Annotated[str | None, Field(description="Null for tokens", examples=["EUR"])]
    thresholds: Annotated[list[int], Field(description="Per cent of the amount", examples=[[50, 80, 100]])]
    tells_of_forecast: bool
    owner_id: Annotated[UUID | None, Field(description="The person who is told")]

    @classmethod
    def of(cls, version: KeptVersion) -> Self:
        return cls(
            valid_from=version.valid_from,
            amount=f"{version.amount:f}",
            currency=version.currency,
            thresholds=list(version.thresholds),
            tells_of_forecast=version.tells_of_forecast,
            owner_id=version.owner_id,
        )


class AmountRange(BaseModel):
    """The 90 % interval, in what the budget is counted in."""

    low: float
    high: float


class Reached(BaseModel):
    """A threshold that the upper end of what was spent has reached."""

    threshold: Annotated[int, Field(description="Per cent; 0 stands for the forecast", examples=[80])]
    is_certain: Annotated[bool, Field(description="The lower end has reached it as well")]


class BudgetStanding(BaseModel):
    """How the running period stands."""

    days: Days
    spent: AmountRange
    course: Literal["passed", "may_have_passed", "likely_to_pass", "may_pass", "on_course", "not_known"]
    reached: list[Reached]
    forecast: Annotated[AmountRange | None, Field(description="By the end; null when too little is known")]
    chance: Annotated[float | None, Field(ge=0, le=1, description="Of passing the amount by the end")]
    earliest: Annotated[date | None, Field(description="The first day by whose end the upper end may pass it")]

    @classmethod
    def of(cls, found: Standing) -> Self:
        ahead, spent = found.forecast, found.spent.interval
        return cls.model_validate(
            {
                "days": Days(first=found.stretch.first, last=found.stretch.last),
                "spent": AmountRange(low=spent.low, high=spent.high),
                "course": found.course.name.lower(),
                "reached": [Reached(threshold=one.threshold, is_certain=one.is_certain) for one in found.reached()],
                "forecast": AmountRange(low=ahead.total.low, high=ahead.total.high) if ahead else None,
                "chance": found.chance,
                "earliest": found.earliest,
            }
        )


class Budget(BaseModel):
    """One budget."""

    budget_id: UUID
    subject: BudgetSubject
    unit: Unit
    period: Every
    rolling_days: Annotated[int | None, Field(description="Of a rolling budget")]
    starts_on: date
    ended_on: date | None
    versions: Annotated[list[BudgetVersion], Field(description="Oldest first; the latest of each day is in force")]
    standing: Annotated[
        BudgetStanding | None,
        Field(
            description="Null for a budget of a person, whose figures are opened with a reason, and where `note` says"
        ),
    ]
    note: Annotated[str | None, Field(description="Why nothing is said of how it stands")]

    @classmethod
    def of(cls, now: Now) -> Self:
        kept = now.budget
        is_person = kept.subject.kind is SubjectKind.PERSON
        note = now.fault or None
        if now.is_withheld:
            note = "Fewer than five people stand behind it. In the total."
        elif is_person:
            note = "Figures of a person are opened with a reason, which the person reads."
        return cls(
            budget_id=kept.budget_id,
            subject=BudgetSubject.of(kept.subject),
            unit=kept.unit,
            period=kept.rhythm.every,
            rolling_days=kept.rhythm.rolling_days,
            starts_on=kept.starts_on,
            ended_on=kept.ended_on,
            versions=[BudgetVersion.of(version) for version in kept.versions],
            standing=BudgetStanding.of(now.standing) if now.standing and not is_person and kept.is_open else None,
            note=note,
        )


class Budgets(BaseModel):
    """Some of the budgets, by id."""

    items: list[Budget]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


_NAMES: Final = {"for": "subject", "forecast": "tells_of_forecast", "person": "subject.person", "owner": "owner"}


class NewVersion(BaseModel):
    """What is to hold from a day on."""

    model_config = ConfigDict(extra="forbid")

    amount: Amount
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$", description="Of money; it needs a rate")] = None
    thresholds: Annotated[
        list[Annotated[int, Field(ge=1, le=1000)]],
        Field(max_length=MOST_THRESHOLDS, description="Per cent of the amount at which its owner is told"),
    ] = [50, 80, 100]
    tells_of_forecast: bool = True
    owner: Annotated[
        str | None, Field(max_length=254, description="E-mail of the person who is told", examples=["ada@example.org"])
    ] = None
    valid_from: Annotated[Day | None, Field(description="Today, or a day of the next twelve months")] = None

    def fields(self) -> dict[str, str]:
        """As the form of the page says it."""
        return {
            "amount": f"{self.amount:f}",
            "currency": self.currency or "",
            "thresholds": ", ".join(str(one) for one in self.thresholds),
            "forecast": "on" if self.tells_of_forecast else "",
            "owner": self.owner or "",
            "valid_from": self.valid_from.isoformat() if self.valid_from else "",
        }

    @staticmethod
    def name_of(field: str) -> str:
        """What the API calls a field of the page's form."""
        return _NAMES.get(field, field)


class NewSubject(BaseModel):
    """Whose use: everyone's, or that of one department, provider or person."""

    model_config = ConfigDict(extra="forbid")

    kind: SubjectKind
    department: Annotated[str | None, Field(max_length=200)] = None
    provider: Annotated[str | None, Field(max_length=100, description="Its id")] = None
    person: Annotated[str | None, Field(max_length=254, description="Their e-mail address")] = None


class NewBudget(NewVersion):
    """A budget that is to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": {"kind": "organisation"},
                    "unit": "tokens",
                    "period": "month",
                    "amount": "25000000",
                    "thresholds": [50, 80, 100],
                    "owner": "ada@example.org",
                }
            ]
        },
    )

    subject: NewSubject
    unit: Unit
    period: Every
    rolling_days: Annotated[int | None, Field(ge=7, le=366, description="Of a rolling budget")] = None

    def fields(self) -> dict[str, str]:
        key = {SubjectKind.DEPARTMENT: self.subject.department, SubjectKind.PROVIDER: self.subject.provider}
        return {
            **super().fields(),
            "for": f"{self.subject.kind}:{key.get(self.subject.kind) or ''}",
            "person": self.subject.person or "",
            "unit": self.unit,
            "period": self.period,
            "rolling_days": str(self.rolling_days or ""),
        }

"""What may be typed about a budget, and which field a refusal names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from toktra.server.budgets.budget import SubjectKind
from toktra.server.budgets.entering import Entering, InvalidBudget

ADA = UUID(int=1)
ENTERING = Entering(
    departments=["Engineering"],
    providers={"openai"},
    people={"ada@north.example": ADA},
    may_name_people=True,
    currencies=["EUR", "USD"],
    today=date(2026, 11, 20),
)
GOOD = {
    "for": "department:Engineering",
    "unit": "money",
    "currency": "EUR",
    "period": "month",
    "amount": "6 400.50",
    "thresholds": "100, 50;80 %",
    "forecast": "on",
    "owner": "Ada@north.example",
}


def test_a_budget_as_it_is_typed() -> None:
    entered = ENTERING.budget(GOOD)
    assert (entered.subject.kind, entered.subject.key) == (SubjectKind.DEPARTMENT, "Engineering")
    assert entered.version.amount == Decimal("6400.50")
    assert entered.version.thresholds == (50, 80, 100)
    assert entered.version.tells_of_forecast
    assert entered.version.owner_id == ADA
    assert entered.version.valid_from == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ("25 M", 25_000_000),
        ("1.5bn", 1_500_000_000),
        ("700k", 700_000),
        ("12", 12),
        ("2,5 Mio.", 2_500_000),
        ("700 Tsd.", 700_000),
        ("1 Mrd", 1_000_000_000),
    ],
)
def test_tokens_may_be_typed_as_they_are_shown(typed: str, tokens: int) -> None:
    entered = ENTERING.budget({**GOOD, "unit": "tokens", "amount": typed})
    assert entered.version.amount == tokens
    assert entered.version.currency is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"for": ""}, "for"),
        ({"for": "department:Legal"}, "for"),
        ({"for": "provider:nobody"}, "for"),
        ({"for": "person", "person": "nobody@north.example"}, "person"),
        ({"unit": "hours"}, "unit"),
        ({"period": "week"}, "period"),
        ({"period": "rolling", "rolling_days": "6"}, "rolling_days"),
        ({"period": "rolling", "rolling_days": "1e2"}, "rolling_days"),
        ({"currency": "CHF"}, "currency"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1,500"}, "amount"),
        ({"amount": "1.500"}, "amount"),
        ({"amount": "12."}, "amount"),
        ({"amount": "1e9"}, "amount"),
        ({"amount": "9999999 bn"}, "amount"),
        ({"thresholds": "fifty"}, "thresholds"),
        ({"thresholds": "0"}, "thresholds"),
        ({"thresholds": " ".join(str(number) for number in range(1, 12))}, "thresholds"),
        ({"owner": "bob@north.example"}, "owner"),
        ({"valid_from": "2026-11-19"}, "valid_from"),
        ({"valid_from": "2030-01-01"}, "valid_from"),
        ({"valid_from": "soon"}, "valid_from"),
    ],
)
def test_a_refusal_names_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidBudget) as refusal:
        ENTERING.budget({**GOOD, **changes})
    assert refusal.value.field == field


def test_who_may_not_name_people_makes_no_budget_of_one() -> None:
    without = Entering(**{**{name: getattr(ENTERING, name) for name in Entering.__slots__}, "may_name_people": False})
    with pytest.raises(InvalidBudget):
        without.budget({**GOOD, "for": "person", "person": "ada@north.example"})

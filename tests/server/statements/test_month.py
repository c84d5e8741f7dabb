"""Months of statements, and how cost centres gather departments."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from toktra.server.costs.assumptions import Assumptions, CostCentre, Entry, Kind
from toktra.server.costs.entering import InvalidAssumption
from toktra.server.statements.entering import entered
from toktra.server.statements.month import Month, months_between, newest
from toktra.server.statements.statement import centres_of

TODAY = date(2026, 11, 23)


def test_a_month_holds_the_days_that_are_over() -> None:
    assert Month.read("2026-10", TODAY) == Month(date(2026, 10, 1), date(2026, 10, 31))
    current = Month.read("2026-11", TODAY)
    assert current == Month(date(2026, 11, 1), date(2026, 11, 22))
    assert not current.is_over
    assert len(current.window.days) == 22
    assert Month.read("2026-11", date(2026, 11, 1)) is None
    assert newest(date(2026, 3, 1)) == Month(date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize("text", ["2026-12", "2026-13", "2026-1", "26-10", "october", "", "2026-10-01", "２０26-10"])
def test_what_is_no_month_or_not_there_yet_is_none(text: str) -> None:
    assert Month.read(text, TODAY) is None


def test_every_month_since_the_first_use_is_listed() -> None:
    listed = [month.key for month in months_between(date(2025, 12, 31), date(2026, 2, 1))]
    assert listed == ["2026-01", "2025-12"]


def said(department: str, since: date, centre: CostCentre | None) -> Entry:
    return Entry(
        kind=Kind.COST_CENTRE,
        subject=department,
        valid_from=since,
        value=centre,
        set_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_cost_centre_is_its_departments_of_that_month() -> None:
    assumptions = Assumptions.of(
        [
            said("Engineering", date(2026, 1, 1), CostCentre("4711", "Product")),
            said("Research", date(2026, 11, 1), CostCentre("4711")),
            said("Legal", date(2026, 1, 1), CostCentre("9")),
            said("Legal", date(2026, 11, 1), None),
            said("Sales", date(2026, 1, 1), CostCentre("4711")),
        ]
    )
    october, november = Month.read("2026-10", TODAY), Month.read("2026-11", TODAY)
    assert october is not None
    assert november is not None
    product, nine = centres_of(assumptions, october, ["Engineering", "Research", "Legal"])
    assert (product.subject.name, product.shown, product.withheld) == ("Product", ("Engineering",), ("Sales",))
    assert (nine.subject.key, nine.shown) == ("9", ("Legal",))
    (product,) = centres_of(assumptions, november, ["Engineering", "Research", "Legal"])
    assert product.shown == ("Engineering", "Research")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"department": "Nowhere"}, "department"),
        ({"department": ""}, "department"),
        ({"code": ""}, "code"),
        ({"code": "=1+1"}, "code"),
        ({"code": "x" * 41}, "code"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"month": "2026-11-05"}, "month"),
        ({"month": "1999-01"}, "month"),
        ({"month": "2090-01"}, "month"),
        ({"do": "end"}, "department"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(changes: dict[str, str], field: str) -> None:
    fields = {"department": "Legal", "code": "4711", "name": "", "month": "2026-11", **changes}
    with pytest.raises(InvalidAssumption) as refused:
        entered(fields, ["Legal"], Assumptions(), TODAY)
    assert refused.value.field == field

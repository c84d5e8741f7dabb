"""Which periods are due, and what cannot be set up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled.entering import InvalidSchedule, entered
from toktra.server.exports.scheduled.schedule import Bucket, Folder, Keys, Plan, Rhythm, due

TODAY = date(2026, 11, 23)
PLAN = Plan(
    dataset=Dataset.DAILY,
    format=Format.CSV,
    rhythm=Rhythm.MONTHLY,
    wait_days=3,
    starts_on=date(2026, 8, 20),
    target=Folder("finance"),
)
TYPED = {
    "dataset": "costs", "format": "parquet", "rhythm": "weekly", "wait_days": "5", "starts_on": "2026-11-01",
    "target": "s3", "bucket": "figures", "region": "eu-central-1", "prefix": "/toktra/costs",
    "endpoint": "https://s3.example.org/", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "no-secret",
}  # fmt: skip


def test_a_period_is_due_when_it_is_over_and_late_devices_are_in_it() -> None:
    months = [first.month for first, _last in due(PLAN, TODAY, 99)]
    assert months == [8, 9, 10]
    assert list(due(PLAN, date(2026, 11, 2), 99))[-1][1] == date(2026, 9, 30)
    assert list(due(PLAN, date(2026, 11, 3), 99))[-1][1] == date(2026, 10, 31)
    weeks = list(due(replace(PLAN, rhythm=Rhythm.WEEKLY, starts_on=date(2026, 11, 12)), TODAY, 99))
    assert weeks == [(date(2026, 11, 9), date(2026, 11, 15))]
    days = list(due(replace(PLAN, rhythm=Rhythm.DAILY, starts_on=date(2026, 11, 18)), TODAY, 2))
    assert days == [(date(2026, 11, 18),) * 2, (date(2026, 11, 19),) * 2]


@pytest.mark.parametrize("rhythm", list(Rhythm))
def test_periods_follow_each_other_without_a_gap(rhythm: Rhythm) -> None:
    found = list(due(replace(PLAN, rhythm=rhythm, starts_on=date(2024, 1, 31)), TODAY, 2000))
    assert found[0][0] <= date(2024, 1, 31) <= found[0][1]
    for (_, last), (first, _last) in pairwise(found):
        assert first == last + timedelta(days=1)


def test_what_is_in_order_is_taken() -> None:
    plan, keys = entered(TYPED, TODAY)
    assert plan.target == Bucket("https://s3.example.org", "eu-central-1", "figures", "toktra/costs/")
    assert (plan.dataset, plan.format, plan.rhythm, plan.wait_days) == (
        Dataset.COSTS, Format.PARQUET, Rhythm.WEEKLY, 5)  # fmt: skip
    assert keys == Keys("AKIAEXAMPLE", "no-secret")
    assert "no-secret" not in repr(keys)
    assert keys.hint == "…MPLE"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dataset": "people"}, "dataset"),
        ({"format": "xls"}, "format"),
        ({"rhythm": "hourly"}, "rhythm"),
        ({"wait_days": "0"}, "wait_days"),
        ({"wait_days": "x"}, "wait_days"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"starts_on": "2019-01-01"}, "starts_on"),
        ({"target": "mail"}, "target"),
        ({"target": "folder", "folder": "../etc"}, "folder"),
        ({"target": "folder", "folder": "a/../../b"}, "folder"),
        ({"target": "folder", "folder": ""}, "folder"),
        ({"bucket": "UPPER"}, "bucket"),
        ({"bucket": "a..b"}, "bucket"),
        ({"region": ""}, "region"),
        ({"prefix": "a b"}, "prefix"),
        ({"prefix": "../up"}, "prefix"),
        ({"endpoint": "ftp://example.org"}, "endpoint"),
        ({"endpoint": "https://me:you@example.org"}, "endpoint"),
        ({"access_key_id": ""}, "access_key_id"),
        ({"secret_access_key": "a\nb"}, "secret_access_key"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        entered(TYPED | changes, TODAY)
    assert refused.value.field == field

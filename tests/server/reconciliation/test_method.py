"""The factor brings the bias of daily totals down within a week; what is missing shows as coverage, not as bias."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp, log
from random import Random
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.reconciliation.method import HORIZON_DAYS, Evidence, Finding, Fit, coverage_of, learn

START = date(2026, 11, 2)


@dataclass(frozen=True)
class Organisation:
    """How an invented organisation uses a provider, and how far off the estimates of it are (true over estimated)."""

    input_bias: float = 1.0
    output_bias: float = 1.0
    covered: float = 1.0
    """Share of the use that enrolled devices see."""
    exchanges: int = 400
    counts_requests: bool = True
    reporting: float = 1.0

    def days(self, count: int, seed: int) -> list[Evidence]:
        random = Random(seed)
        return [self.day(START + timedelta(days=place), random) for place in range(count)]

    def day(self, day: date, random: Random) -> Evidence:
        """Each exchange has tokens and an error of its own; each day a mix of work of its own."""
        of_day_in, of_day_out = random.gauss(0, 0.01), random.gauss(0, 0.06)
        billed_in = billed_out = seen_in = seen_out = seen = 0.0
        for _ in range(self.exchanges):
            true_in, true_out = random.lognormvariate(7.5, 1.0), random.lognormvariate(5.5, 1.0)
            billed_in, billed_out = billed_in + true_in, billed_out + true_out
            if random.random() < self.covered:
                seen += 1
                seen_in += true_in / self.input_bias * exp(of_day_in + random.gauss(0, 0.08))
                seen_out += true_out / self.output_bias * exp(of_day_out + random.gauss(0, 0.5) - 0.125)
        return Evidence(
            day=day,
            billed_input=round(billed_in),
            billed_output=round(billed_out),
            billed_requests=self.exchanges if self.counts_requests else None,
            seen_input=round(seen_in),
            seen_output=round(seen_out),
            seen_exchanges=round(seen),
            reporting=self.reporting,
        )


def after_a_week(organisation: Organisation, seed: int) -> tuple[Finding, Evidence]:
    """What seven days say, and the eighth, which they do not know."""
    *week, eighth = organisation.days(8, seed)
    found = learn(week, eighth.day)
    assert found is not None
    return found, eighth


@pytest.mark.parametrize(("input_bias", "output_bias"), [(1.04, 1.24), (0.96, 0.8), (1.03, 1.6), (1.0, 2.4)])
def test_a_week_of_bills_brings_the_bias_of_the_next_day_down(input_bias: float, output_bias: float) -> None:
    left_in, left_out = [], []
    for seed in range(25):
        found, eighth = after_a_week(Organisation(input_bias, output_bias), seed)
        assert found.applies
        left_in.append(log(eighth.billed_input / (eighth.seen_input * found.input.middle)))
        left_out.append(log(eighth.billed_output / (eighth.seen_output * found.output.middle)))
    assert abs(mean(left_in)) < 0.02  # a bias of 4 % may also be 4 % of missing use, so some of it stays
    assert median(abs(left) for left in left_in) < 0.02
    assert abs(mean(left_out)) < 0.04
    assert median(abs(left) for left in left_out) < 0.08


@pytest.mark.parametrize("counts_requests", [True, False])
@pytest.mark.parametrize("reporting", [1.0, 0.7])
def test_thirty_per_cent_missing_devices_show_as_coverage_and_not_as_bias(
    counts_requests: bool, reporting: float
) -> None:
    missing = Organisation(1.0, 1.2, covered=0.7, counts_requests=counts_requests, reporting=reporting)
    for seed in range(10):
        found, eighth = after_a_week(missing, seed)
        assert found.applies
        assert 0.64 < found.coverage.middle < 0.77
        assert found.coverage.low < 0.7 < found.coverage.high
        assert found.complete < 0.1
        assert 0.94 < found.input.middle < 1.06, "the missing third was taken for a bias of input"
        assert 1.05 < found.output.middle < 1.35
        of_day = coverage_of(eighth, found)
        assert of_day is not None
        assert 0.6 < of_day.middle < 0.82


def test_complete_use_is_called_complete() -> None:
    found, eighth = after_a_week(Organisation(1.02, 1.3), seed=3)
    assert found.complete > 0.7
    assert found.coverage.middle > 0.97
    of_day = coverage_of(eighth, found)
    assert of_day is not None
    assert of_day.high == 1.0


def test_hidden_reasoning_is_a_factor_of_output_and_no_gap() -> None:
    found, _ = after_a_week(Organisation(1.0, 2.5), seed=5)
    assert 2.2 < found.output.middle < 2.8
    assert found.coverage.middle > 0.95


def test_images_the_bytes_overstate_are_told_from_missing_use_where_requests_are_counted() -> None:
    counted, _ = after_a_week(Organisation(1.6, 1.0), seed=1)
    uncounted, _ = after_a_week(Organisation(1.6, 1.0, counts_requests=False), seed=1)
    assert counted.input.middle > 1.3
    assert counted.complete > uncounted.complete
    assert uncounted.input.high > 1.3, "where it cannot be known the interval must say so"


def test_a_day_on_which_more_is_missing_is_that_days_coverage() -> None:
    days = Organisation().days(7, seed=2)
    usual = days[3]
    worse = replace(
        usual,
        seen_input=usual.seen_input // 2,
        seen_output=usual.seen_output // 2,
        seen_exchanges=usual.seen_exchanges // 2,
    )
    days[3] = worse
    found = learn(days, worse.day)
    assert found is not None
    on_that_day, on_another = coverage_of(worse, found), coverage_of(days[4], found)
    assert on_that_day is not None
    assert on_another is not None
    assert on_that_day.high < on_another.low
    assert 0.4 < on_that_day.middle < 0.65


def test_more_seen_than_billed_changes_no_figure() -> None:
    """The devices use accounts of their own: no factor can be learned from another account's bill."""
    stranger = replace(Organisation().days(1, seed=1)[0], billed_input=100_000, billed_output=5_000)
    found = learn([replace(stranger, day=START + timedelta(days=place)) for place in range(7)], START)
    assert found is not None
    assert found.fit is Fit.MORE_SEEN_THAN_BILLED
    assert not found.applies
    assert coverage_of(stranger, found) is None


def test_input_and_output_of_different_worlds_change_no_figure() -> None:
    odd = replace(Organisation().days(1, seed=1)[0], billed_output=10**9)
    found = learn([replace(odd, day=START + timedelta(days=place)) for place in range(7)], START)
    assert found is not None
    assert found.fit is Fit.TOO_FAR_APART


def test_one_day_moves_the_factor_less_than_a_week_and_a_week_is_surer() -> None:
    week = Organisation(1.0, 2.0).days(7, seed=4)
    one, all_of_it = learn(week[:1], START), learn(week, START)
    assert one is not None
    assert all_of_it is not None
    assert 1 < one.output.middle < all_of_it.output.middle * 1.1
    assert all_of_it.output.spread < one.output.spread


def test_later_evidence_counts_for_past_days_and_old_evidence_ends() -> None:
    days = Organisation(1.0, 2.0).days(7, seed=4)
    past = learn(days, START - timedelta(days=5))
    near = learn(days, START)
    assert past is not None
    assert near is not None
    assert past.output.middle > 1.5
    assert past.output.spread > near.output.spread, "farther from the evidence is less sure"
    assert learn(days, START + timedelta(days=6 + HORIZON_DAYS)) is not None
    assert learn(days, START + timedelta(days=7 + HORIZON_DAYS)) is None


def test_a_change_of_bias_is_followed() -> None:
    """A provider hides more reasoning from one day on; a month later the factor is the new one."""
    before = Organisation(1.0, 1.2).days(20, seed=6)
    after = [replace(day, day=day.day + timedelta(days=20)) for day in Organisation(1.0, 2.0).days(20, seed=7)]
    early, late = learn([*before, *after], START), learn([*before, *after], START + timedelta(days=39))
    assert early is not None
    assert late is not None
    assert 1.1 < early.output.middle < 1.4
    assert 1.75 < late.output.middle < 2.2


def test_days_without_use_or_bill_say_nothing() -> None:
    day = Organisation().days(1, seed=1)[0]
    assert learn([], START) is None
    nothing = (
        replace(day, billed_input=0),
        replace(day, billed_output=0),
        replace(day, seen_input=0),
        replace(day, seen_output=0),
        replace(day, seen_exchanges=0),
    )
    assert [learn([one], START) for one in nothing] == [None] * 5


@given(
    st.lists(st.tuples(*[st.integers(0, 2**53)] * 6, st.integers(-40, 40), st.floats(0, 1)), min_size=1, max_size=12)
)
def test_whatever_is_billed_and_seen_the_answer_is_finite_and_ordered(rows: list[tuple[int, ...]]) -> None:
    evidence = [
        Evidence(
            day=START + timedelta(days=row[6]),
            billed_input=row[0],
            billed_output=row[1],
            billed_requests=row[2],
            seen_input=row[3],
            seen_output=row[4],
            seen_exchanges=row[5],
            reporting=row[7],
        )
        for row in rows
    ]
    found = learn(evidence, START)
    if found is None:
        return
    for factor in (found.input, found.output):
        assert 0 < factor.low <= factor.middle <= factor.high < float("inf")
    assert 0 < found.coverage.low <= found.coverage.high <= 1
    assert 0 <= found.complete <= 1 + 1e-9
    for one in evidence:
        share = coverage_of(one, found)
        assert share is None or 0 <= share.low <= share.middle <= share.high <= 1

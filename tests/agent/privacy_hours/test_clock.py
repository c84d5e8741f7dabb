"""A clock that is set leaves doubt, and the doubt ends only when the clock is back or the owner says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.privacy_hours.clock import (
    DRIFT,
    SLEPT_AT_MOST_S,
    TOLERANCE_S,
    WRITTEN_S,
    Reading,
    Settled,
    Trust,
    slack,
    trust_after,
    trust_at_first,
    trust_confirmed,
)
from toktra.agent.privacy_hours.timeline import Slack

NOON_S = datetime(2027, 1, 4, 12, tzinfo=UTC).timestamp()
YEAR_S = 365 * 86_400.0


def reading(later_s: float = 0, *, set_by_s: float = 0, boot: str = "first", monotonic_from_s: float = 1000) -> Reading:
    return Reading(wall_s=NOON_S + later_s + set_by_s, monotonic_s=monotonic_from_s + later_s, boot=boot)


def after(*readings: Reading) -> tuple[Trust, Slack | None]:
    trust = trust_at_first(readings[0])
    for each in readings:
        trust = trust_after(trust, each)
    return trust, slack(trust, readings[-1])


def test_a_clock_that_runs_on_is_believed_through_hours_of_suspend() -> None:
    assert after(reading(), reading(1), reading(60_000), reading(60_001))[1] == Slack()


@pytest.mark.parametrize(
    ("set_by_s", "expected"),
    [
        (TOLERANCE_S - 1, Slack()),
        (1 - TOLERANCE_S, Slack()),
        (3600, Slack(behind_s=3600)),
        (-3600, Slack(ahead_s=3600)),
        (-YEAR_S, Slack(ahead_s=int(YEAR_S))),
        (YEAR_S, Slack(behind_s=int(YEAR_S))),
    ],
)
def test_a_clock_that_was_set_may_be_right_or_the_one_before(set_by_s: float, expected: Slack) -> None:
    assert after(reading(), reading(10, set_by_s=set_by_s))[1] == expected
    assert after(reading(), reading(10, set_by_s=set_by_s), reading(9e6, set_by_s=set_by_s))[1] == expected


def test_every_clock_shown_stays_possible() -> None:
    shown = [reading(), reading(1, set_by_s=600), reading(2, set_by_s=-300), reading(3, set_by_s=100)]
    assert after(*shown)[1] == Slack(behind_s=400, ahead_s=500)


def test_a_clock_set_back_to_where_it_would_be_is_believed_again() -> None:
    assert after(reading(), reading(1, set_by_s=-YEAR_S), reading(2, set_by_s=1))[1] == Slack()


def test_many_small_steps_are_not_believed_as_none() -> None:
    steps = [reading(float(second), set_by_s=second * 1.0) for second in range(20)]
    assert after(*steps)[1] == Slack(behind_s=19)


def test_slewing_is_allowed_for_by_the_hour_not_by_the_month() -> None:
    month = [reading(hour * 3600.0) for hour in range(24 * 30)]
    assert after(*month, reading(24 * 30 * 3600.0, set_by_s=-600))[1] == Slack(ahead_s=600)


def test_a_set_clock_does_not_pass_for_slewed_by_waiting() -> None:
    assert after(reading(), reading(1, set_by_s=20), reading(12 * 3600.0, set_by_s=20))[1] == Slack(behind_s=20)


def test_the_owner_ends_all_doubt() -> None:
    late = reading(10, set_by_s=-YEAR_S)
    assert slack(trust_confirmed(late), late) == Slack()
    later = reading(20, set_by_s=-YEAR_S)
    assert slack(trust_after(trust_confirmed(late), later), later) == Slack()


def test_a_clock_from_before_this_program_is_not_believed_until_it_has_caught_up() -> None:
    dead_battery = Reading(wall_s=0, monotonic_s=5, boot="first")
    trust = trust_at_first(dead_battery)
    assert slack(trust, dead_battery) is None
    still = Reading(wall_s=60, monotonic_s=65, boot="first")
    assert slack(trust_after(trust, still), still) is None
    set_by_network = reading(70, monotonic_from_s=0)
    assert slack(trust_after(trust, set_by_network), set_by_network) == Slack()


def test_after_a_restart_the_clock_may_not_be_behind_what_it_showed() -> None:
    trust, _ = after(reading(), reading(100))
    behind = reading(200, set_by_s=-YEAR_S, boot="second", monotonic_from_s=-190)
    assert slack(trust_after(trust, behind), behind) is None
    right = reading(300, boot="second", monotonic_from_s=-190)
    assert slack(trust_after(trust_after(trust, behind), right), right) == Slack()
    assert slack(trust_after(trust, right), right) == Slack()


def test_a_restart_while_in_doubt_leaves_it_to_the_owner() -> None:
    trust, _ = after(reading(), reading(1, set_by_s=7200))
    restarted = reading(60, set_by_s=7200, boot="second", monotonic_from_s=-55)
    trust = trust_after(trust, restarted)
    assert trust.settled is Settled.WHEN_THE_OWNER_SAYS_SO
    right = reading(120, boot="second", monotonic_from_s=-55)
    assert slack(trust_after(trust, right), right) is None


def test_a_monotonic_clock_that_ran_backwards_counts_as_a_restart() -> None:
    trust, _ = after(reading(100))
    backwards = reading(0, set_by_s=-50)
    assert slack(trust_after(trust, backwards), backwards) is None


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e6, 1e6)), max_size=12))
def test_the_right_time_is_always_within_the_slack(steps: list[tuple[float, float]]) -> None:
    """Whatever the clock is set to, as long as it was right when it was first believed."""
    trust, right_later_s, tolerated_s = trust_at_first(reading()), 0.0, 0.0
    for elapsed_s, set_by_s in steps:
        right_later_s += elapsed_s
        tolerated_s += TOLERANCE_S + DRIFT * SLEPT_AT_MOST_S
        shown = reading(right_later_s, set_by_s=set_by_s)
        trust = trust_after(trust, shown)
        allowance = slack(trust, shown)
        assert allowance is not None
        low_s, high_s = shown.wall_s - allowance.behind_s, shown.wall_s + allowance.ahead_s
        assert low_s - tolerated_s <= NOON_S + right_later_s <= high_s + tolerated_s


def test_no_right_clock_is_older_than_the_program() -> None:
    assert datetime.fromtimestamp(WRITTEN_S, UTC) == datetime(2026, 1, 1, tzinfo=UTC)

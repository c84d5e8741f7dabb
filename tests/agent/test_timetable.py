"""Fixed times with some chance in them, and no timetable on one machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.timetable import EVERY_S, SPREAD_S, Timetable, asking_times, is_this_machine, upload_times


@given(st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 1, exclude_max=True)), max_size=30))
def test_it_is_due_once_in_every_period_whenever_it_was_done_before(steps: list[tuple[float, float]]) -> None:
    now, chance = 1000.0, 0.0
    timetable = Timetable(every_s=EVERY_S, spread_s=SPREAD_S, monotonic=lambda: now, chance=lambda: chance)
    assert timetable.due_in_s(now) == 0
    for late_s, chance in steps:
        now += timetable.due_in_s(now) + late_s
        period = (now - 1000) // EVERY_S
        timetable.done(now)
        due = now + timetable.due_in_s(now)
        assert (due - 1000) // EVERY_S == period + 1
        assert (due - 1000) % EVERY_S == pytest.approx(chance * SPREAD_S, abs=1e-6)


@pytest.mark.parametrize(
    ("server", "here"),
    [
        ("http://127.0.0.1:8420", True),
        ("https://[::1]:8420", True),
        ("http://localhost:8420", True),
        ("https://toktra.example.org", False),
        ("https://10.0.0.1", False),
        ("https://localhost.example.org", False),
    ],
)
def test_the_address_of_the_server_decides_whether_events_wait_for_their_time(server: str, here: bool) -> None:
    assert is_this_machine(server) == here
    assert (upload_times(server, monotonic=lambda: 0.0, chance=lambda: 0.0) is None) == here
    asking = asking_times(server, monotonic=lambda: 0.0, chance=lambda: 0.0)
    asking.done(0.0)
    assert asking.due_in_s(0.0) == (60 if here else EVERY_S)

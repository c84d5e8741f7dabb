from __future__ import annotations

from toktra.server.web import rate_limit
from toktra.server.web.rate_limit import FailureLimit, GrowingDelay


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_failures_of_one_source_make_it_wait_and_others_not() -> None:
    clock = Clock()
    limit = FailureLimit(failures=3, window_s=60, clock=clock)
    for _ in range(3):
        assert limit.retry_after_s("a") == 0
        limit.count_failure("a")
    assert limit.retry_after_s("a") == 60
    assert limit.retry_after_s("b") == 0
    clock.now += 59.9
    assert limit.retry_after_s("a") == 1
    clock.now += 0.1
    assert limit.retry_after_s("a") == 0


def test_a_new_window_starts_from_nothing() -> None:
    clock = Clock()
    limit = FailureLimit(failures=2, window_s=60, clock=clock)
    limit.count_failure("a")
    clock.now += 60
    limit.count_failure("a")
    assert limit.retry_after_s("a") == 0


def test_memory_is_bounded() -> None:
    limit = FailureLimit(failures=1, window_s=60, clock=Clock())
    for number in range(rate_limit.MAX_SOURCES + 1):
        limit.count_failure(str(number))
    assert limit.retry_after_s("0") == 0
    assert limit.retry_after_s("1") > 0


def test_a_delay_doubles_after_the_free_failures_and_stops_growing() -> None:
    clock = Clock()
    limit = GrowingDelay(free=2, longest_s=5, clock=clock)
    waits = []
    for _ in range(7):
        waits.append(limit.retry_after_s("a"))
        limit.count_failure("a")
    assert waits == [0, 0, 0, 1, 2, 4, 5]
    assert limit.retry_after_s("b") == 0
    clock.now += 5
    assert limit.retry_after_s("a") == 0  # nobody is ever locked out
    clock.now += 3600
    limit.count_failure("a")
    assert limit.retry_after_s("a") == 0  # and an old failure is none


def test_a_success_excuses_the_failures_of_its_own_account_only() -> None:
    limit = GrowingDelay(free=0, clock=Clock())
    for _ in range(3):
        limit.count_failure("address")
    limit.take_back("address")
    assert limit.retry_after_s("address") == 2
    limit.take_back("unknown")
    limit.forget("address")
    assert limit.retry_after_s("address") == 0

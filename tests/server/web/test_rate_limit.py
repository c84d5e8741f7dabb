from __future__ import annotations

from toktra.server.web import rate_limit
from toktra.server.web.rate_limit import FailureLimit


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

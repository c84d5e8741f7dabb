"""What is observed, by the network and by browsers, as one source for the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from toktra.agent.browser.merge import Merge
from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.capture_source import LiveSource
from toktra.agent.control_messages import BrowserUse

CLOCKS_APART_S: Final = 1.0


class WithBrowsers:
    """A live source, and beside it what accounts' browsers tell. While it rests, it takes nothing from either."""

    def __init__(
        self, source: LiveSource, find_provider: Callable[[str], object | None], now: Callable[[], float]
    ) -> None:
        """`now` is the wall clock, in seconds since 1970, by which browsers tell their times too."""
        self._source = source
        self._find_provider = find_provider
        self._now = now
        self._merge = Merge()
        self._observing_since: float | None = now()

    def take(self, uid: int, uses: Iterable[BrowserUse]) -> None:
        """What an account's browser tells. Whatever began before this source last began to observe is dropped whole."""
        if self._observing_since is None:
            return
        now = self._now()
        self._merge.browser(uid, [use for use in uses if self._may_be(use, now)], now)

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        """As the source's, with the requests it did not see."""
        observed = self._source.poll(timeout_s)
        now = self._now()
        return self._merge.network(observed, now) + self._merge.due(now)

    def status(self) -> CaptureStatus | None:
        """The source's."""
        return self._source.status()

    def wake_on(self, fd: int) -> None:
        """The source's."""
        self._source.wake_on(fd)

    def pause(self) -> list[ObservedExchange]:
        """The last of both."""
        return self._ended(self._source.pause())

    def resume(self) -> None:
        """Observes again, from now on."""
        self._source.resume()
        self._observing_since = self._now()

    def close(self) -> list[ObservedExchange]:
        """The last of both, for good."""
        return self._ended(self._source.close())

    def _ended(self, observed: list[ObservedExchange]) -> list[ObservedExchange]:
        self._observing_since = None
        return self._merge.network(observed, self._now()) + self._merge.cut()

    def _may_be(self, use: BrowserUse, now: float) -> bool:
        assert self._observing_since is not None  # noqa: S101 - for the type checker
        return (
            self._observing_since <= use.started_at <= use.ended_at <= now + CLOCKS_APART_S
            and self._find_provider(use.host) is not None
        )

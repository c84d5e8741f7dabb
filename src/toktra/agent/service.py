"""The agent at work: one thread takes exchanges from the source and spools events, another uploads them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.capture_source import CaptureSource, SourceEnded
from toktra.agent.errors import AgentError
from toktra.agent.privacy_hours.weeks import Asking
from toktra.agent.recorder import Recorder
from toktra.agent.spool import Progress, Spool, SpoolNotWritable
from toktra.agent.uplink import ANSWER_WITHIN_S, Uplink
from toktra.wire.events import UsageEvent

POLL_S: Final = 1.0
"""Also the longest a signal to stop goes unnoticed."""
REST_S: Final = 10.0
"""As long as nobody is to be observed there is nothing to look for, and whoever wants something wakes the source. Only
the status, which is to say the same in private time, has to be kept up."""
STOP_WITHIN_S: Final = 3.0
"""For the last upload when the agent is told to stop."""
FINISH_WITHIN_S: Final = 60.0
"""For the last upload when a capture file has been read."""
MOST_UNWRITTEN: Final = 10_000
"""Events held in memory while the disk takes none."""
DISK_RETRY_S: Final = 30.0

_log: Final = logging.getLogger(__name__)


class Service:
    """Wires a source to the spool, and the spool to the server."""

    def __init__(
        self,
        *,
        source: CaptureSource,
        recorder: Recorder,
        spool: Spool,
        uplink: Uplink,
        publish: Callable[[Service], None],
        progress: Callable[[], Progress] | None = None,
        may_send: Callable[[], bool] = lambda: True,
        asking: Asking | None = None,
    ) -> None:
        """`publish` is called about once a second. `progress` is for a source that can be read again.

        While `may_send` says no, events wait in the spool.
        """
        self._source = source
        self._recorder = recorder
        self._spool = spool
        self._uplink = uplink
        self._publish = publish
        self._progress = progress
        self._may_send = may_send
        self._asking = asking

        self.recorded = 0
        """Events made since the start."""
        self.overflowed = 0
        """Events lost since the start, because the disk took none for so long that memory was full as well."""
        self._unwritten: list[UsageEvent] = []
        self._write_again_at = 0.0
        self._failure: Exception | None = None
        self._news = threading.Event()
        self._ending = threading.Event()
        self._upload_until = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Works until `stopping` is set or the source ends; then writes and uploads what is left, within limits.

        Raises the error that ended the work; what was recorded until then is in the spool.
        """
        uploader = threading.Thread(target=self._upload, name="uplink", daemon=True)
        uploader.start()
        try:
            patience_s = self._observe(stopping)
        except AgentError as error:
            self._failure = self._failure or error
            patience_s = STOP_WITHIN_S
        self._take(self._source.close(), last=True)
        self._upload_until = time.monotonic() + patience_s
        self._ending.set()
        self._news.set()
        while uploader.is_alive() and time.monotonic() < self._upload_until + 0.5:
            uploader.join(0.1)
            if stopping.is_set():
                self._upload_until = min(self._upload_until, time.monotonic() + STOP_WITHIN_S)
        if self._failure:
            raise self._failure

    def _observe(self, stopping: threading.Event) -> float:
        """Returns the seconds there are for the last upload."""
        could_send = False
        self._publish(self)  # the first look may take a while
        while not stopping.is_set() and self._failure is None:
            try:
                observed = self._source.poll(POLL_S if self._may_send() else REST_S)
            except SourceEnded:
                return FINISH_WITHIN_S
            self._take(observed)
            can_send = self._may_send()
            if can_send and not could_send:
                self._news.set()
            could_send = can_send
            self._publish(self)
        return STOP_WITHIN_S

    def _take(self, observed: list[ObservedExchange], *, last: bool = False) -> None:
        events = self._recorder.events(observed)
        self.recorded += len(events)
        self._unwritten += events
        if not self._unwritten and not observed:
            return
        if last or time.monotonic() >= self._write_again_at:
            self._write()

    def _write(self) -> None:
        try:
            self._spool.append(self._unwritten, progress=self._progress() if self._progress else None)
        except SpoolNotWritable as error:
            _log.warning("%s Until then events are held in memory.", error)
            self._write_again_at = time.monotonic() + DISK_RETRY_S
            excess = max(0, len(self._unwritten) - MOST_UNWRITTEN)
            self.overflowed += excess
            del self._unwritten[:excess]
            return
        if self._unwritten:
            self._unwritten = []
            self._news.set()

    def _upload(self) -> None:
        """The uplink's thread. What ends it ends the agent."""
        try:
            while not self._ending.is_set():
                pause_s = self._step()
                if self._asking is not None:
                    pause_s = min(pause_s, self._asking.step(ANSWER_WITHIN_S))
                self._news.wait(pause_s)
                self._news.clear()
            self._upload_rest()
        except Exception as error:
            self._failure = error

    def _upload_rest(self) -> None:
        while (left_s := self._upload_until - time.monotonic()) > 0 and self._spool.counts().waiting:
            if not self._may_send():
                return
            pause_s = self._step(at_once=True, answer_within_s=min(left_s, ANSWER_WITHIN_S))
            if pause_s >= left_s:
                return
            time.sleep(pause_s)

    def _step(self, *, at_once: bool = False, answer_within_s: float = ANSWER_WITHIN_S) -> float:
        before = self._uplink.condition.link
        try:
            pause_s = self._uplink.step(may_send=self._may_send(), at_once=at_once, answer_within_s=answer_within_s)
        except SpoolNotWritable as error:
            _log.warning("%s Until then nothing is uploaded.", error)
            return DISK_RETRY_S
        condition = self._uplink.condition
        if condition.link is not before:
            _log.info("uplink: %s%s", condition.link.value, f". {condition.because}" if condition.because else "")
        return pause_s

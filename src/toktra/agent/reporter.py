"""Writes the status file while the agent runs, whenever something in it changed."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

import toktra
from toktra.agent.capture_source import CaptureSource
from toktra.agent.identity import Identity
from toktra.agent.service import Service
from toktra.agent.spool import Spool
from toktra.agent.status import Capture, State, Status, write_status
from toktra.agent.uplink import Uplink

COUNT_EVERY_S: Final = 10.0
"""Reading the kernel's counts costs more than a second of watching does, so without news it is done more rarely."""
_log: Final = logging.getLogger(__name__)


class Reporter:
    """Gathers the status from where it is known."""

    def __init__(
        self,
        path: Path,
        *,
        identity: Identity,
        server: str,
        source: CaptureSource,
        spool: Spool,
        uplink: Uplink,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._identity = identity
        self._server = server
        self._source = source
        self._spool = spool
        self._uplink = uplink
        self._now = now
        self._monotonic = monotonic
        self._news: tuple[object, ...] = ()
        self._count_again_at = -math.inf
        self._written: Status | None = None
        self._failed = False

    def publish(self, service: Service) -> None:
        """Called about once a second; it must not stop the agent, whatever the disk says."""
        news = (service.recorded, service.overflowed, self._uplink.condition, self._spool.counts())
        now = self._monotonic()
        if news == self._news and now < self._count_again_at:
            return
        self._news, self._count_again_at = news, now + COUNT_EVERY_S
        counted = self._source.status()
        state = State.REPLAYING if counted is None else State.RECORDING
        self._write(state, service, msgspec.convert(counted, Capture, from_attributes=True) if counted else None)

    def stopped(self, service: Service) -> None:
        """The last word, after the source was closed."""
        self._write(State.STOPPED, service, self._written.capture if self._written else None)

    def _write(self, state: State, service: Service, capture: Capture | None) -> None:
        condition, counts, before = self._uplink.condition, self._spool.counts(), self._written
        same = before is not None and (before.state, before.link) == (state, condition.link)
        status = Status(
            state=state,
            since=before.since if before and same else self._now(),
            pid=os.getpid(),
            agent_version=toktra.__version__,
            server=self._server,
            tenant=self._identity.tenant,
            device=self._identity.device,
            link=condition.link,
            because=condition.because,
            last_upload_at=condition.last_upload_at,
            recorded=service.recorded,
            waiting=counts.waiting,
            dropped=counts.dropped + service.overflowed,
            refused=counts.refused,
            epoch=counts.epoch,
            capture=capture,
        )
        if status == before:
            return
        try:
            write_status(self._path, status)
        except OSError as error:
            if not self._failed:
                _log.warning("The status file cannot be written (%s).", error)
            self._failed = True
            return
        self._failed = False
        self._written = status

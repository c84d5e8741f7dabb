"""The series of one server process, and how they are counted.

What devices upload is counted only once five of them have reported to this process: with fewer, a counter that moves
would say when one person used something, and one that stands still when they did not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiosql
import psycopg
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import Scope

import toktra
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.usage.discretion import CROWD

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_STATES: Final = ("waiting", "running", "failed")

_FROM_DEVICES: Final = "/ingest/"
_REPORTS: Final = "/ingest/v1/batches"
_KEY_ID: Final = re.compile(rb';keyid="([^"]{1,200})"')
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class Metrics:
    """Counted from the start of the process, over all organisations together."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._devices: set[bytes] = set()
        self._requests = Counter(
            "toktra_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "toktra_request_seconds", "Time to answer.", ["route"], buckets=BUCKETS_S, registry=self._registry
        )
        self._build = Gauge("toktra_build_info", "The running version.", ["version"], registry=self._registry)
        self._build.labels(toktra.__version__).set(1)
        self._database = Gauge("toktra_database_up", "Whether the database answers.", registry=self._registry)
        self._pool = Gauge("toktra_database_connections", "The pool.", ["state"], registry=self._registry)
        self._jobs = Gauge(
            "toktra_jobs", "Jobs in the queue; failed ones of a month.", ["state"], registry=self._registry
        )
        self._oldest = Gauge(
            "toktra_oldest_due_job_seconds", "How long the oldest job that is due has waited.", registry=self._registry
        )
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def answered(self, scope: Scope, route: str, status: int, duration_s: float) -> None:
        """Counts one request by its route's pattern."""
        if route.startswith(_FROM_DEVICES) and not self._is_crowd(scope, route, status):
            return
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(duration_s)

    def _is_crowd(self, scope: Scope, route: str, status: int) -> bool:
        """Whether five devices have reported; what was taken in was signed with the key it names."""
        if route == _REPORTS and len(self._devices) < CROWD and status < 400:
            named = next((value for name, value in scope["headers"] if name == b"signature-input"), b"")
            if found := _KEY_ID.search(named):
                self._devices.add(found[1])
        return len(self._devices) >= CROWD

    async def text(self, database: Database) -> bytes:
        """Everything in Prometheus' text form, as of now."""
        try:
            async with database.global_tables() as connection:
                row = await _queries.queue(connection)
        except (DatabaseBusy, psycopg.OperationalError):
            self._database.set(0)
        else:
            self._database.set(1)
            for state in JOB_STATES:
                self._jobs.labels(state).set(getattr(row, state))
            self._oldest.set(row.oldest_due_s)
        for state, number in _pool_states(database.pool_stats()).items():
            self._pool.labels(state).set(number)
        return generate_latest(self._registry)


def _pool_states(stats: Mapping[str, int]) -> dict[str, int]:
    size, free = stats.get("pool_size", 0), stats.get("pool_available", 0)
    return {"busy": size - free, "free": free, "waited_for": stats.get("requests_waiting", 0)}

"""What the end of a month costs: the partition dropped as the nightly job does, while others read and write.

How long until none of its rows can be read, how long anybody else waits meanwhile, and how long until the file
system has its space back, which PostgreSQL does once the locks are gone. Measured for a month whose files are not in
memory, as those of one that is over a year old are not, and for one whose files all are.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls
from toktra.server.retention.service import queries as retention

_BEFORE_S: Final = 1.0
_PIECE: Final = 1 << 20
_READ: Final = (
    "select count(*) from usage_event where tenant_id = %(t)s and at >= %(at)s and at < %(at)s + interval '1 hour'"
)
_WRITE: Final = """insert into usage_event
    values (%(t)s, now(), %(t)s, 1, 1, %(t)s, 'api.openai.com', 16000, 80000, 4000, 800, 'bench')"""


class _Other(threading.Thread):
    """Somebody else at work: one statement after the other, and how long the longest took."""

    def __init__(self, urls: DatabaseUrls, statement: str, of: dict[str, Any]) -> None:
        super().__init__()
        self._urls, self._statement, self._of = urls, statement, of
        self.is_over = False
        self.longest_ms = 0.0
        self.none_at: float | None = None
        """When it first read nothing."""

    def run(self) -> None:
        with psycopg.connect(self._urls.app, autocommit=True) as connection:
            connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(self._of["t"])])
            while not self.is_over:
                began = time.perf_counter()
                rows = connection.execute(self._statement.encode(), self._of)
                ended = time.perf_counter()
                self.longest_ms = max(self.longest_ms, (ended - began) * 1000)
                if self.none_at is None and rows.description and rows.fetchone() == (0,):
                    self.none_at = ended


async def drop_oldest(
    database: Database, urls: DatabaseUrls, home: Path, tenant_id: UUID, *, in_memory: bool
) -> dict[str, object]:
    """Milliseconds, and the megabytes that went. `home` is where the embedded PostgreSQL lies."""
    with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
        cluster = next(home.rglob("postgresql.conf")).parent
        files = [cluster / name for name in _files_of_oldest(connection)]
        connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(tenant_id)])
        oldest = connection.execute("select min(at) from usage_event where tenant_id = %s", [tenant_id]).fetchone()
    if oldest is None or oldest[0] is None:
        raise RuntimeError("there is no month to drop")
    of = {"t": tenant_id, "at": oldest[0]}
    size = sum(file.stat().st_size for file in files)
    for file in files:
        _read_whole(file) if in_memory else _leave_memory(file)
    reader, writer = _Other(urls, _READ, of), _Other(urls, _WRITE, of)
    for other in (reader, writer):
        other.start()
    time.sleep(_BEFORE_S)
    before_ms = max(reader.longest_ms, writer.longest_ms)
    reader.longest_ms = writer.longest_ms = 0.0
    began = time.perf_counter()
    async with database.global_tables() as connection:
        dropped = await retention.drop_month(connection, keep_days=1100)
    took = time.perf_counter() - began
    for other in (reader, writer):
        other.is_over = True
        other.join()
    if dropped is None or reader.none_at is None:
        raise RuntimeError("no month was dropped")
    return {
        "mb": round(size / 1e6),
        "until_gone_ms": round((reader.none_at - began) * 1000, 1),
        "longest_read_ms": round(reader.longest_ms, 1),
        "longest_write_ms": round(writer.longest_ms, 1),
        "longest_before_ms": round(before_ms, 1),
        "until_space_is_back_ms": round(took * 1000, 1),
    }


def _files_of_oldest(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute("""
        with oldest as (select inhrelid from pg_inherits join pg_class c on c.oid = inhrelid
                        where inhparent = 'usage_event'::regclass order by relname limit 1)
        select pg_relation_filepath(f) from oldest,
            lateral (select inhrelid as f union all select indexrelid from pg_index where indrelid = inhrelid) files
    """).fetchall()
    return [name for (name,) in rows]


def _leave_memory(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)  # only what is on the disk can leave
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def _read_whole(file: Path) -> None:
    with file.open("rb") as content:
        while content.read(_PIECE):
            pass

"""The durable queue of usage events on their way to the server: one SQLite file, bounded, surviving kill -9.

It holds encoded `UsageEvent`s and when they were sent, and nothing else. Events are numbered when they are first put
into a batch, in the order they came, and the highest number given is on the disk before the batch leaves. Three rules
follow. With the server's (`toktra.wire.events.Batch`) they mean that nothing is lost or doubled, wherever a crash
falls:

- Within an epoch a number that the server may have taken belongs to one event for good: a batch that is sent again is
  the same batch. A refused event's number passes to the next one, because no batch that held it was taken.
- When the spool is full, the oldest event *without a number* goes. One with a number may already be with the server,
  and without it its number would pass to another event. So dropping leaves no gap, and the count of it is kept.
- A lost spool, and a server that remembers less or more than was sent, begin a new epoch, in which everything that
  waits is numbered from 1.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from toktra.agent.epochs import EpochCounter
from toktra.agent.errors import AgentError
from toktra.agent.spool_file import COUNTERS, SpoolDamaged, decode_event, is_damage, open_or_replace
from toktra.wire.events import MAX_BATCH_EVENTS, UsageEvent, encode

UNNUMBERED: Final = 1
"""The sequence of an event that was not in a batch yet; `next_batch` replaces it."""
KEPT_REFUSALS: Final = 100
KEPT_SENT_DAYS: Final = 30
"""Events that have left stay for their owners to look at; see `own_record`."""
_FREE_PAGES_KEPT: Final = 256


class SpoolNotWritable(AgentError):
    """The disk is full or failing. Nothing of the change was kept; the same change may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may wait, and stay. Going over any drops events."""

    events: int = 100_000
    bytes: int = 64 << 20
    """Of encoded events; the file is about a tenth larger."""
    sent: int = 10_000
    """Events that have left and are kept to be looked at. Going over drops the oldest, as their age does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the spool says about itself."""

    waiting: int
    waiting_bytes: int
    epoch: int
    acknowledged: int
    """The highest number of this epoch that the server has confirmed."""
    numbered: int
    """The highest number of this epoch that an event was given."""
    dropped: int
    """Ever, because the spool was full."""
    refused: int
    """Ever, by the server and for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """The oldest waiting events under the numbers they are sent with."""

    epoch: int
    prev_seq: int
    events: list[UsageEvent]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source that can be read again has been read, so that each of its exchanges is taken in once."""

    source: str
    """Names the content, for example by its digest."""
    exchanges: int


@dataclass(slots=True)
class _Change:
    """A transaction under way; `counts` as they will be when it is complete."""

    run: sqlite3.Connection
    counts: Counts


class Spool:
    """Safe to use from several threads; each method is one transaction, on the disk when it returns.

    Every changing method may raise SpoolNotWritable, having changed nothing, and SpoolDamaged.
    """

    def __init__(self, path: Path, epochs: EpochCounter, limits: Limits | None = None) -> None:
        """Opens the spool at `path`; a missing or damaged one is made anew, under a new epoch.

        Raises SpoolNotOpened, SpoolOfNewerVersion.
        """
        self._connection, self.set_aside = open_or_replace(path)
        """`set_aside`: where a damaged file that stood at `path` was moved, for whoever wants to look."""
        self._epochs = epochs
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._counts = _read_counts(self._connection)
        if self._counts.epoch == 0:
            self.begin_epoch()

    def counts(self) -> Counts:
        """As of the last completed change."""
        return self._counts

    def append(self, events: Sequence[UsageEvent], *, progress: Progress | None = None) -> None:
        """Adds events at the end, and drops the oldest when that makes too many. `progress` is noted with them."""
        rows = [encode(event) for event in events]
        if not rows and progress is None:
            return
        with self._change() as change:
            if progress:
                change.run.execute(
                    "insert into counter values (?, ?) on conflict (name) do update set value = excluded.value",
                    (f"read {progress.source}", progress.exchanges),
                )
            change.run.executemany("insert into event (event) values (?)", [(row,) for row in rows])
            change.counts = replace(
                change.counts,
                waiting=change.counts.waiting + len(rows),
                waiting_bytes=change.counts.waiting_bytes + sum(map(len, rows)),
            )
            self._drop_excess(change)

    def progress(self, source: str) -> int:
        """How many exchanges of a source that can be read again were taken in before; 0 for one never seen."""
        with self._lock:
            row = self._connection.execute("select value from counter where name = ?", (f"read {source}",)).fetchone()
        return int(row[0]) if row else 0

    def next_batch(self, limit: int = MAX_BATCH_EVENTS) -> Numbered:
        """The oldest waiting events, at most `limit`. Asked again it answers the same, until some are acknowledged."""
        with self._change() as change:
            rows = change.run.execute("select event from event order by place limit ?", (limit,)).fetchall()
            prev_seq = change.counts.acknowledged
            change.counts = replace(change.counts, numbered=max(change.counts.numbered, prev_seq + len(rows)))
            events = [
                msgspec.structs.replace(decode_event(row), sequence=sequence)
                for sequence, (row,) in enumerate(rows, prev_seq + 1)
            ]
            return Numbered(epoch=change.counts.epoch, prev_seq=prev_seq, events=events)

    def acknowledge(self, up_to: int, *, at: datetime | None = None) -> None:
        """Takes the events up to this number of the present epoch out of the queue: the server has them.

        The last `Limits.sent` of them stay on the device for KEPT_SENT_DAYS, as sent `at` (None: now).
        Raises ValueError for a number that was not given, or lies below what was acknowledged before.
        """
        with self._change() as change:
            counts = change.counts
            if not counts.acknowledged <= up_to <= counts.numbered:
                raise ValueError(f"{up_to} does not lie from {counts.acknowledged} to {counts.numbered}")
            self._keep_sent(change, up_to - counts.acknowledged, at or datetime.now(UTC))
            self._delete(change, offset=0, limit=up_to - counts.acknowledged)
            change.counts = replace(change.counts, acknowledged=up_to)
        self._give_back_space()

    def refuse(self, sequence: int, reason: str) -> None:
        """Takes one numbered event out of the queue for good; those behind it move up by one number.

        The event stays on the device with the last KEPT_REFUSALS others. Only right when the server has neither this
        event nor one behind it. Raises ValueError for a number that no waiting event has.
        """
        with self._change() as change:
            counts = change.counts
            if not counts.acknowledged < sequence <= counts.numbered:
                raise ValueError(f"no event numbered {sequence} waits")
            offset = sequence - counts.acknowledged - 1
            change.run.execute(
                "insert into refused select event, ? from event order by place limit 1 offset ?",
                (reason[:300], offset),
            )
            change.run.execute(
                "delete from refused where rowid <= (select max(rowid) from refused) - ?", (KEPT_REFUSALS,)
            )
            self._delete(change, offset=offset, limit=1)
            change.counts = replace(change.counts, refused=counts.refused + 1, numbered=counts.numbered - 1)

    def begin_epoch(self, *, beyond: int = 0) -> None:
        """Everything that waits is numbered from 1 again, under an epoch above all earlier ones and `beyond`."""
        with self._change() as change:
            # The counter's own file comes first. A crash before the commit skips a number; the other way round, a spool
            # lost later could return under an epoch that was used before.
            epoch = self._epochs.advance(beyond=max(beyond, change.counts.epoch))
            change.counts = replace(change.counts, epoch=epoch, acknowledged=0, numbered=0)

    def close(self) -> None:
        """Folds the write-ahead log into the file."""
        with self._lock:
            self._connection.close()

    def _drop_excess(self, change: _Change) -> None:
        counts = change.counts
        events, size = counts.waiting - self._limits.events, counts.waiting_bytes - self._limits.bytes
        if events <= 0 and size <= 0:
            return
        pinned = counts.numbered - counts.acknowledged
        drop = 0
        for (length,) in change.run.execute(
            "select length(event) from event order by place limit -1 offset ?", (pinned,)
        ):
            if drop >= events and size <= 0:
                break
            drop += 1
            size -= length
        self._delete(change, offset=pinned, limit=drop)
        change.counts = replace(change.counts, dropped=counts.dropped + drop)

    def _keep_sent(self, change: _Change, number: int, at: datetime) -> None:
        """Notes the oldest waiting events as sent, under the numbers they were sent with."""
        if number == 0:
            return
        sent_at_s, first = int(at.timestamp()), change.counts.acknowledged + 1
        rows = change.run.execute("select event from event order by place limit ?", (number,)).fetchall()
        change.run.executemany(
            "insert into sent (sent_at, event) values (?, ?)",
            [
                (sent_at_s, encode(msgspec.structs.replace(decode_event(row), sequence=sequence)))
                for sequence, (row,) in enumerate(rows, first)
            ],
        )
        change.run.execute(
            "delete from sent where place <= (select max(place) from sent) - ? or sent_at < ?",
            (self._limits.sent, sent_at_s - KEPT_SENT_DAYS * 86_400),
        )

    def _delete(self, change: _Change, *, offset: int, limit: int) -> None:
        """Deletes a stretch of the queue, counted from its oldest event."""
        stretch = "select place, event from event order by place limit ? offset ?"
        gone, size, first, last = change.run.execute(
            f"select count(*), coalesce(sum(length(event)), 0), min(place), max(place) from ({stretch})",  # noqa: S608
            (limit, offset),
        ).fetchone()
        change.run.execute("delete from event where place between ? and ?", (first, last))
        change.counts = replace(
            change.counts,
            waiting=change.counts.waiting - gone,
            waiting_bytes=change.counts.waiting_bytes - size,
        )

    def _give_back_space(self) -> None:
        """Shrinks the file after a long backlog. A few free pages stay, so that everyday use moves none."""
        with self._lock, contextlib.suppress(sqlite3.OperationalError):  # a full disk: the next time will do
            (free,) = self._connection.execute("pragma freelist_count").fetchone()
            if free > _FREE_PAGES_KEPT:
                # Not execute(): it takes one step of a statement without rows, and a step frees one page.
                self._connection.executescript(f"pragma incremental_vacuum({free - _FREE_PAGES_KEPT})")

    @contextlib.contextmanager
    def _change(self) -> Iterator[_Change]:
        """All of it or nothing, in the file and in `counts`."""
        with self._lock:
            change = _Change(self._connection, self._counts)
            try:
                self._connection.execute("begin immediate")
                yield change
                _write_counters(change, self._counts)
                self._connection.execute("commit")
            except (sqlite3.DatabaseError, OSError) as error:
                raise _explained(error) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
            self._counts = change.counts


def _read_counts(connection: sqlite3.Connection) -> Counts:
    rows = dict(connection.execute("select name, value from counter").fetchall())
    waiting, size = connection.execute("select count(*), coalesce(sum(length(event)), 0) from event").fetchone()
    return Counts(waiting=waiting, waiting_bytes=size, **{name: rows[name] for name in COUNTERS})


def _write_counters(change: _Change, before: Counts) -> None:
    old, new = asdict(before), asdict(change.counts)
    change.run.executemany(
        "update counter set value = ? where name = ?",
        [(new[name], name) for name in COUNTERS if new[name] != old[name]],
    )


def _explained(error: sqlite3.DatabaseError | OSError) -> AgentError:
    if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
        return SpoolDamaged(
            f"The spool was damaged while the agent ran ({error}). Start the agent again: it sets the file aside and"
            " begins a new one."
        )
    return SpoolNotWritable(f"The spool cannot be written ({error}). Free some space on its disk.")

"""What the spool holds of one account: what was recorded of it today, and what of it has left this device.

An account is told of the events that carry its own name, and of no others. Nothing of private time is here, because no
event of it was ever made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from toktra.agent.control_messages import Left, LeftEvent, Log, Tokens
from toktra.agent.errors import AgentError
from toktra.agent.spool import KEPT_SENT_DAYS
from toktra.agent.spool_file import decode_event
from toktra.catalogue.uncertainty import Part, tokens_range

CACHE_KIB: Final = 64

_TODAY: Final = """
    with recorded as (
        select cast(event as text) as event, 1 as waits from event
        union all
        select cast(event as text), 0 from sent
    )
    select json_extract(event, '$.provider_host'),
           count(*) filter (where json_extract(event, '$.estimated_input_tokens') > 0),
           sum(json_extract(event, '$.estimated_input_tokens')),
           sum(json_extract(event, '$.estimated_output_tokens')),
           sum(json_extract(event, '$.request_bytes')),
           sum(json_extract(event, '$.response_bytes'))
      from recorded
     where json_extract(event, '$.user') = :user and json_extract(event, '$.at') >= :since
     group by 1
"""
_WAITING: Final = "select count(*) from event where json_extract(cast(event as text), '$.user') = :user"
_LEFT: Final = """
    select place, sent_at, event
      from sent
     where (:before is null or place < :before)
       and (:since_s is null or sent_at >= :since_s)
       and json_extract(cast(event as text), '$.user') = :user
       and instr(json_extract(cast(event as text), '$.provider_host'), :host) > 0
     order by place desc
     limit :limit
"""


class RecordNotReadable(AgentError):
    """The disk fails, or the spool was damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was recorded of an account since a moment."""

    exchanges: int
    tokens: Tokens
    request_bytes: int
    response_bytes: int
    waiting: int
    """Events that have not left yet, of whatever day."""


class OwnRecord:
    """Reads the spool beside it, by a connection of its own, so that no reader waits for the disk of a writer.

    For one thread at a time.
    """

    def __init__(self, spool: Path, name: Callable[[int], str]) -> None:
        """`name` is the one an account's events carry. The spool has to be there already. Raises RecordNotReadable."""
        self._name = name
        try:
            self._connection = sqlite3.connect(
                f"{spool.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        except sqlite3.DatabaseError as error:
            raise _not_readable(error) from None

    def today(self, uid: int, since: datetime) -> Figures:
        """Raises RecordNotReadable."""
        asked = {"user": self._name(uid), "since": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        try:
            rows = self._connection.execute(_TODAY, asked).fetchall()
            (waiting,) = self._connection.execute(_WAITING, asked).fetchone()
        except sqlite3.DatabaseError as error:
            raise _not_readable(error) from None
        parts = [
            Part(provider_host=host, exchanges=exchanges, input_tokens=asked_for, output_tokens=answered)
            for host, exchanges, asked_for, answered, _, _ in rows
        ]
        tokens = tokens_range(parts)
        return Figures(
            exchanges=sum(part.exchanges for part in parts),
            tokens=Tokens(low=tokens.low, high=tokens.high),
            request_bytes=sum(row[4] for row in rows),
            response_bytes=sum(row[5] for row in rows),
            waiting=waiting,
        )

    def left(self, uid: int, asked: Log) -> Left:
        """Raises RecordNotReadable."""
        question = {
            "user": self._name(uid),
            "before": asked.before,
            "since_s": None if asked.since is None else int(asked.since.timestamp()),
            "host": asked.host.strip().lower(),
            "limit": asked.limit + 1,
        }
        try:
            rows = self._connection.execute(_LEFT, question).fetchall()
        except sqlite3.DatabaseError as error:
            raise _not_readable(error) from None
        return Left(
            events=tuple(
                LeftEvent(place=place, sent_at=datetime.fromtimestamp(sent_at_s, UTC), event=decode_event(event))
                for place, sent_at_s, event in rows[: asked.limit]
            ),
            more=len(rows) > asked.limit,
            kept_days=KEPT_SENT_DAYS,
        )

    def close(self) -> None:
        """Before the spool, which folds its log into the file when it is the last to close it."""
        self._connection.close()


def _not_readable(error: sqlite3.DatabaseError) -> RecordNotReadable:
    return RecordNotReadable(f"The record of this device cannot be read now ({error}). Nothing was changed.")

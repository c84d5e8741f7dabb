"""What makes the trail tamper-evident: each entry's hash is over the hash before it and all of the entry. Pure.

An entry's hash is SHA-256 over the 32 bytes of the previous entry's hash (zeros for the first) followed by the
entry's canonical bytes: a JSON list of its fields in the order of `Entry`, objects with sorted keys, without spaces,
in UTF-8. Whoever can write to the database as its owner can still rewrite the whole chain, or cut off its end; a head
(number and hash of an entry) kept elsewhere shows either.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final
from uuid import UUID

import msgspec

FORM: Final = "toktra.audit.1"
"""Stands first in the canonical bytes; another form of entry gets another name."""

START: Final = bytes(32)
"""What the first entry follows on."""

Value = str | int | bool | None
Detail = Mapping[str, Value]

_HEAD: Final = re.compile(r"(?P<number>[1-9][0-9]{0,17}):(?P<hash>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored entry, as stored: words are kept as text, so that also what should not be there can be judged."""

    tenant_id: UUID
    number: int
    """Counts the organisation's entries from 1, without gaps."""
    at: datetime
    tag: str
    actor: str
    actor_id: UUID | None
    actor_role: str | None
    """The actor's role at that time."""
    command: str | None
    subject_id: UUID | None
    reason: str | None
    before: Detail | None
    after: Detail | None
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a chain: note it elsewhere, and nobody can cut off or rewrite what is before it unseen."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """The head a text stands for; None for anything that cannot be one."""
        match = _HEAD.fullmatch(text.strip().lower())
        return cls(int(match["number"]), bytes.fromhex(match["hash"])) if match else None


class Fault(Enum):
    """How a chain is broken, in a sentence about the entry it is found at."""

    MISSING = "is missing"
    NOT_LINKED = "does not follow on the one before it: one of the two was replaced, moved or added later"
    CHANGED = "was changed after it was written"
    CUT_OFF = "was the newest once and is gone: the end of the trail was cut off"
    REWRITTEN = "is not the one whose hash was noted: the trail was rewritten up to there or before"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry at which a chain does not hold."""

    number: int
    fault: Fault

    def __str__(self) -> str:
        return f"entry {self.number} {self.fault.value}"


def hash_of(entry: Entry, previous_hash: bytes) -> bytes:
    """The hash the entry has when it follows on `previous_hash`."""
    return hashlib.sha256(previous_hash + canonical(entry)).digest()


def canonical(entry: Entry) -> bytes:
    """The entry as the bytes that are hashed; its own two hashes are not among them."""
    fields = (
        FORM,
        str(entry.tenant_id),
        entry.number,
        f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        entry.tag,
        entry.actor,
        str(entry.actor_id) if entry.actor_id else None,
        entry.actor_role,
        entry.command,
        str(entry.subject_id) if entry.subject_id else None,
        entry.reason,
        entry.before,
        entry.after,
    )
    return msgspec.json.encode(fields, order="deterministic")


class Check:
    """Follows a chain entry by entry, in the order of their numbers, and stops at the first that does not hold."""

    def __init__(self, expected: Head | None = None, *, after: Head | None = None) -> None:
        """`after`: the newest of those entries whose time is over; the chain goes on from it."""
        self._expected = expected
        self.head: Head | None = after
        """The newest entry that holds; None before the first."""
        self.broken: Broken | None = None
        """What is wrong already with where the chain begins."""
        if after and expected and expected.number == after.number and expected.hash != after.hash:
            self.broken = Broken(after.number, Fault.REWRITTEN)

    def add(self, entry: Entry) -> Broken | None:
        """The entry's fault, if it has one."""
        number = self.head.number + 1 if self.head else 1
        previous = self.head.hash if self.head else START
        if entry.number != number:
            return Broken(number, Fault.MISSING)
        if entry.previous_hash != previous:
            return Broken(number, Fault.NOT_LINKED)
        if entry.hash != hash_of(entry, previous):
            return Broken(number, Fault.CHANGED)
        if self._expected and self._expected.number == number and self._expected.hash != entry.hash:
            return Broken(number, Fault.REWRITTEN)
        self.head = Head(number, entry.hash)
        return None

    def finish(self) -> Broken | None:
        """The fault at the end, if the chain is shorter than it once was."""
        reached = self.head.number if self.head else 0
        if self._expected and self._expected.number > reached:
            return Broken(self._expected.number, Fault.CUT_OFF)
        return None

"""The accounts of this device that take part in Token Perks: what each has on the disk, and how it stands with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from toktra.agent.perks.account_file import AccountFiles, Membership, MembershipDamaged
from toktra.agent.perks.age import NotAKey, Sealer
from toktra.agent.perks.waiting import Waiting

UNREADABLE: Final = (
    "What this device keeps of your Token Perks cannot be read, so nothing can be sealed. Give it your key again:"
    " toktra perks join --key FILE"
)


class Topic(Enum):
    """Where something stands in the way."""

    DISK = "disk"
    SERVER = "server"
    """The organisation's, which knows who has what allowance."""
    SERVICE = "service"
    """The personal service, which holds the mailbox."""
    TICKETS = "tickets"


class Member:
    """One account's part. The agent's thread seals into it, the thread of the second ledger sends from it."""

    def __init__(self, uid: int, files: AccountFiles, membership: Membership, waiting: Waiting) -> None:
        """Raises NotAKey."""
        self.uid = uid
        self.waiting = waiting
        self.sealer = Sealer(membership.recipient)
        self.troubles: dict[Topic, str] = {}
        """What its owner has to know, a sentence or two each."""
        self._owed = 0
        self._files = files
        self._membership = membership
        self._lock = threading.Lock()

    @property
    def membership(self) -> Membership:
        """As it is kept."""
        return self._membership

    def owe(self, tickets: int) -> None:
        """So many tickets is the worth of what was used just now."""
        with self._lock:
            self._owed += tickets

    def take_owed(self) -> int:
        """What was owed since the last call."""
        with self._lock:
            owed, self._owed = self._owed, 0
            return owed

    def say(self, topic: Topic, sentence: str) -> None:
        """What stands in the way there; empty: nothing any more."""
        others = {other: said for other, said in self.troubles.items() if other is not topic}
        self.troubles = {**others, topic: sentence} if sentence else others

    def change(self, how: Callable[[Membership], Membership]) -> Membership:
        """Keeps a change; on the disk when it returns. Raises OSError, having changed nothing."""
        with self._lock:
            changed = how(self._membership)
            if changed != self._membership:
                self._files.keep(self.uid, changed)
                self._membership = changed
            return changed


@dataclass(slots=True)
class Members:
    """All of them. Any thread may look one up; the agent's own thread makes and removes them."""

    files: AccountFiles
    _members: dict[int, Member] = field(default_factory=dict)
    _unreadable: set[int] = field(default_factory=set)

    @classmethod
    def open(cls, directory: Path) -> Members:
        """Those that the directory, made when it is missing, holds. Raises OSError."""
        directory.mkdir(mode=0o700, exist_ok=True)
        members = cls(AccountFiles(directory))
        for uid in members.files.all():
            try:
                membership = members.files.read(uid)
                if membership is not None:
                    members._take_up(uid, membership)
            except (MembershipDamaged, NotAKey):
                members._unreadable.add(uid)
        return members

    def all(self) -> list[Member]:
        """In the order of their user ids."""
        return [self._members[uid] for uid in sorted(self._members)]

    def of(self, uid: int) -> Member | None:
        """None: the account has no key here, or what is kept of it cannot be read."""
        return self._members.get(uid)

    def cannot_be_read(self, uid: int) -> bool:
        """The account has taken part, and what is kept of it is damaged."""
        return uid in self._unreadable

    def join(self, uid: int, membership: Membership) -> Member:
        """In place of what there was. Raises OSError."""
        self.files.keep(uid, membership)
        before = self._members.get(uid)
        if before is not None:
            before.waiting.close()
        self._unreadable.discard(uid)
        return self._take_up(uid, membership)

    def remove(self, uid: int) -> None:
        """Deletes all that is kept of an account. Raises OSError."""
        member = self._members.pop(uid, None)
        self._unreadable.discard(uid)
        if member is not None:
            member.waiting.remove()
        self.files.forget(uid)

    def close(self) -> None:
        """For the end of the agent."""
        for member in self.all():
            member.waiting.close()

    def _take_up(self, uid: int, membership: Membership) -> Member:
        member = Member(uid, self.files, membership, Waiting(self.files.spool(uid)))
        self._members[uid] = member
        return member

"""Privacy Hours on the agent's disk: a file for each account's wishes, and one for how far the clock was trusted.

Each file vouches for the other. An account that is in the clocks' file but has no wishes has lost them, and one whose
wishes are there without a clock may have been in doubt: both are private until the owner looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from toktra.agent.durable_file import write_durably
from toktra.agent.privacy_hours.clock import Trust
from toktra.agent.privacy_hours.wishes import Damaged, Wishes, from_disk, to_disk
from toktra.wire.events import encode

MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Kept:
    """What the disk holds of one account."""

    wishes: Wishes | None
    """None: damaged or gone."""
    trust: Trust | None
    """None: damaged or gone."""


class _Clocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trusts: dict[int, Trust]
    """By user id."""


class Store:
    """Reads and writes the files, which begin with `path` and are readable to the agent alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clocks = path.with_name(f"{path.name}.clocks")

    def read(self) -> dict[int, Kept]:
        """Every account that has ever set Privacy Hours, by user id. A file that cannot be read counts as damaged."""
        trusts = self._read_trusts()
        with_wishes = {
            int(found.suffix[1:])
            for found in self._path.parent.glob(f"{self._path.name}.*")
            if found.suffix[1:].isdecimal()
        }
        return {uid: Kept(self._read_wishes(uid), trusts.get(uid)) for uid in with_wishes | trusts.keys()}

    def keep_wishes(self, uid: int, wishes: Wishes) -> None:
        """On the disk when it returns. Raises OSError."""
        write_durably(self._wishes(uid), to_disk(wishes), mode=MODE)

    def forget_wishes(self, uid: int) -> None:
        """Raises OSError."""
        self._wishes(uid).unlink(missing_ok=True)

    def keep_trusts(self, trusts: Mapping[int, Trust]) -> None:
        """All accounts' trust in the clock; on the disk when it returns. Raises OSError."""
        body = encode(_Clocks(trusts=dict(trusts)))
        write_durably(self._clocks, _sum(body) + b"\n" + body + b"\n", mode=MODE)

    def _wishes(self, uid: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{uid}")

    def _read_wishes(self, uid: int) -> Wishes | None:
        try:
            return from_disk(self._wishes(uid).read_bytes())
        except (OSError, Damaged):
            return None

    def _read_trusts(self) -> dict[int, Trust]:
        try:
            checksum, body, end = self._clocks.read_bytes().split(b"\n")
            if end or checksum != _sum(body):
                return {}
            return msgspec.json.decode(body, type=_Clocks).trusts
        except (OSError, ValueError):  # a MsgspecError is a ValueError
            return {}


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()

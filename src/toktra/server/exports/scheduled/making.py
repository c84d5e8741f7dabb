"""Makes the file of a run, whole, on this machine, before the first byte of it leaves; finds it again after a cut."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from toktra.server.database.pool import Database
from toktra.server.exports.service import Order, parts


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is ready to be sent."""

    path: Path
    size_bytes: int
    sha256: str


def path_of(data_directory: Path, schedule_id: UUID, order: Order) -> Path:
    """Where the file of a run stands until it is delivered."""
    name = f"{schedule_id}-{order.first.isoformat()}-{order.dataset}.{order.format}"
    return data_directory / "exports" / name


async def made_before(path: Path, sha256: str | None) -> Made | None:
    """The file as it was made earlier on this machine; None when it is not there, or is another."""
    if sha256 is None or not path.is_file():
        return None
    found = await asyncio.to_thread(_read, path)
    return found if found.sha256 == sha256 else None


async def make(database: Database, order: Order, path: Path) -> Made:
    """Writes the file anew."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.unfinished")
    digest, size = hashlib.sha256(), 0
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - the handle is open already
        async for block in parts(database, order):
            digest.update(block)
            size += len(block)
            await asyncio.to_thread(file.write, block)
    unfinished.replace(path)
    return Made(path, size, digest.hexdigest())


def forget(data_directory: Path, schedule_id: UUID, first: date) -> None:
    """Takes away what was made for a run, also as it was before a change; it is where it was sent to."""
    for path in (data_directory / "exports").glob(f"{schedule_id}-{first.isoformat()}-*"):
        path.unlink(missing_ok=True)


def _read(path: Path) -> Made:
    with path.open("rb") as file:
        return Made(path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())

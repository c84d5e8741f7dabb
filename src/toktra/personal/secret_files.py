"""The two secrets of the service: the seed of the ticket keys, and what the organisation's server shows it.

Files of mode 0600 in the data directory, each made when it is first needed, never in a database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

SEED_NAME: Final = "ticket-seed"
OPERATOR_NAME: Final = "operator-secret"
BYTES: Final = 32


class SecretFileNotUsable(Exception):
    """A secret's file is damaged, or others may read it. The text names it and the remedy; never its content."""


def ticket_seed(directory: Path) -> bytes:
    """The seed that all ticket keys are derived from. Raises SecretFileNotUsable."""
    content = _read_or_make(directory / SEED_NAME, lambda: secrets.token_bytes(BYTES))
    if len(content) != BYTES:
        raise _damaged(directory / SEED_NAME, f"it has {len(content)} bytes instead of {BYTES}")
    return content


def operator_secret(directory: Path) -> str:
    """As the organisation's server needs it in TOKTRA_PERSONAL_OPERATOR_SECRET. Raises SecretFileNotUsable."""
    content = _read_or_make(directory / OPERATOR_NAME, lambda: secrets.token_urlsafe(BYTES).encode() + b"\n")
    text = content.decode("ascii", "replace").strip()
    if len(text) < 43:
        raise _damaged(directory / OPERATOR_NAME, "it is too short")
    return text


def _read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            _write(path, make())
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
                raise SecretFileNotUsable(f"{path} can be read by others. Run: chmod 600 {path}")
            return file.read(1024)
    except OSError as error:
        raise SecretFileNotUsable(f"{path} cannot be used: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and durable: a seed that is lost after its first ticket makes every ticket worthless.

    Two that start at once end up with the same: the first one's file is never replaced.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _damaged(path: Path, why: str) -> SecretFileNotUsable:
    return SecretFileNotUsable(f"{path} is damaged ({why}). Restore it from your backup, or remove it to begin anew.")

"""Writes a small file so that a crash or power loss leaves either the old content or the new, never a part."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes, *, mode: int) -> None:
    """Replaces `path` with `content` under `mode`; on return it is on the disk. Raises OSError."""
    replace(path, content, mode=mode, durable=True)


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Like `write_durably`, without waiting for the disk: for what may be lost but not be read half-written."""
    replace(path, content, mode=mode, durable=False)


def replace(path: Path, content: bytes, *, mode: int, durable: bool) -> None:
    """Writes beside `path`, then renames over it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    # O_EXCL: the draft gets its mode at birth, so a key is at no moment readable to others.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask took away
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        if durable:
            os.fsync(descriptor)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    draft.replace(path)
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes renames and new names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Directories for tests that write much: in memory where the system has room there, and open to other accounts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30


@contextmanager
def scratch_directory(prefix: str) -> Iterator[Path]:
    """An empty directory, gone afterwards. pytest's own lies below one that an unprivileged account cannot reach."""
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=_place()))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _place() -> Path:
    has_room = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ROOM_BYTES
    return _IN_MEMORY if has_room else Path("/tmp")

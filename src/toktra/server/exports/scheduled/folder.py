"""A folder of the server as a place to send to: beside the name first, under it only when whole. Blocking."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from toktra.server.exports.scheduled.schedule import Fault, Folder, NotDelivered

_BLOCK: Final = 1 << 20


def place(root: Path | None, target: Folder) -> Path:
    """The directory; made when it is not there. Raises NotDelivered, also for one that leads out of `root`."""
    if root is None or not root.is_dir():
        raise NotDelivered(Fault.NO_FOLDER)
    with _clear():
        directory = root / target.name
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not directory.resolve().is_relative_to(root.resolve()):  # a link that somebody put there
            raise NotDelivered(Fault.NOT_WRITABLE)
    return directory


def try_out(directory: Path) -> None:
    """Writes a small file and takes it away. Raises NotDelivered."""
    with _clear(), tempfile.NamedTemporaryFile(dir=directory, prefix=".toktra-test-") as test:
        test.write(b"Toktra can write here.\n")
        test.flush()


def holds(directory: Path, name: str, sha256: str) -> bool:
    """Whether exactly this file was delivered before."""
    path = directory / name
    if not path.is_file():
        return False
    with _clear(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def deliver(directory: Path, name: str, file: Path, sha256: str) -> Iterator[int]:
    """Copies, after a cut from where it was; says after each block how many bytes are there. Raises NotDelivered."""
    unfinished = directory / f".{name}.{sha256[:16]}.part"
    size = file.stat().st_size
    with _clear():
        for other in directory.glob(f".{name}.*.part"):
            if other != unfinished:
                other.unlink()
        with unfinished.open("ab") as to, file.open("rb") as source:
            if to.tell() > size:
                to.truncate(0)
            source.seek(to.seek(0, os.SEEK_END))
            yield from _copied(source, to)
            to.flush()
            os.fsync(to.fileno())
        with unfinished.open("rb") as whole:
            is_same = hashlib.file_digest(whole, "sha256").hexdigest() == sha256
        if not is_same:  # somebody wrote into it: from the beginning next time
            unfinished.unlink()
            raise NotDelivered(Fault.NOT_WRITABLE)
        unfinished.replace(directory / name)


def _copied(source: IO[bytes], to: IO[bytes]) -> Iterator[int]:
    while block := source.read(_BLOCK):
        to.write(block)
        yield to.tell()


@contextmanager
def _clear() -> Iterator[None]:
    """Faults of the file system as ours. Raises NotDelivered."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise NotDelivered(
            Fault.NO_SPACE if full else Fault.NOT_WRITABLE, errno.errorcode.get(error.errno or 0, "")
        ) from None

"""The data directory of one installation: what lies where, who may read it, and who has it open.

DIR/toktra-data.json           which layout, and which Toktra made it
DIR/in-use                     locked by the process that runs the database; its process id
DIR/database-passwords.json    of the database roles; 0600, ours, out of the database account's reach
DIR/postgresql/                all that PostgreSQL's own account may touch; 0700
DIR/postgresql/cluster/        the cluster
DIR/postgresql/log             its log: errors only, never values
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

import msgspec

import toktra
from toktra.server.database.account import Account
from toktra.server.database.failures import (
    AlreadyRunning,
    DataDirectoryTooNew,
    DirectoryNotReachable,
    DirectoryNotUsable,
)

LAYOUT: Final = 1
"""Raised when the layout above changes so that an older Toktra could not use it."""

SOCKET_NAME: Final = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH: Final = 107 if os.uname().sysname == "Linux" else 103
"""Bytes that fit in sockaddr_un.sun_path with its closing zero: unix(7); 104 in all on the BSDs and macOS."""


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Says that a directory is ours, and how new."""

    layout: int
    made_by: str


class Passwords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One for each database role; generated here, never shown, never chosen by a person."""

    superuser: str
    owner: str
    app: str
    privacy: str = ""
    """This and those below are empty in a file of an earlier Toktra, until it is completed."""
    personal_owner: str = ""
    personal_app: str = ""

    def completed(self) -> Passwords:
        """With a new one for each role that has none."""
        missing = [role for role in self.__struct_fields__ if not getattr(self, role)]
        return msgspec.structs.replace(self, **{role: secrets.token_urlsafe(32) for role in missing})


@dataclass(slots=True)
class DataDirectory:
    """One installation's directory, opened by at most one process at a time."""

    path: Path
    account: Account
    _lock: int | None = field(default=None, repr=False)

    @property
    def home(self) -> Path:
        return self.path / "postgresql"

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def open(self) -> None:
        """Creates the directory when needed, checks that it is ours to use, and locks it for this process.

        Raises DirectoryNotUsable, DirectoryNotReachable, DataDirectoryTooNew or AlreadyRunning; then nothing changed
        but an empty directory that may have been made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_marker()
            self._take_lock()
        except OSError as error:
            self._not_usable(error)
        try:
            self._check_marker()  # again, now that nobody else is writing it
            self._let_account_through()
            _write_private(self.path / "toktra-data.json", self._marker())
        except OSError as error:
            self.close()
            self._not_usable(error)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Unlocks the directory; the kernel does the same when this process is killed."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def passwords(self) -> Passwords:
        """The roles' passwords, generated and durable the first time they are asked for."""
        path = self.path / "database-passwords.json"
        try:
            passwords = msgspec.json.decode(path.read_bytes(), type=Passwords)
        except FileNotFoundError:
            passwords = Passwords(superuser="", owner="", app="")
        except msgspec.MsgspecError:
            raise DirectoryNotUsable(
                f"{path} is damaged. Restore it from your backup: without it the database cannot be opened."
            ) from None
        complete = passwords.completed()
        if complete != passwords:
            _write_private(path, complete)
        return complete

    def make_socket_directory(self) -> Path:
        """A directory for the socket, short enough for the kernel, the same at every start, and nobody else's.

        Raises DirectoryNotUsable when no place is short enough or someone else made ours first.
        """
        for directory in self._socket_places():
            try:
                directory.mkdir(mode=0o700)
                os.chown(directory, self.account.uid, self.account.gid)
            except FileExistsError:
                pass
            except OSError:
                continue  # not writable for us: the next place
            found = directory.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.account.uid or found.st_mode & 0o077:
                raise DirectoryNotUsable(
                    f"{directory} exists and is not this installation's: remove it, or ask who made it."
                )
            return directory
        raise DirectoryNotUsable(
            "no place for the database's socket: set XDG_RUNTIME_DIR or TMPDIR to a directory with a short path."
        )

    def find_socket_directory(self) -> Path | None:
        """Where the process that has this directory open listens; None when it does not listen yet."""
        return next((place for place in self._socket_places() if (place / SOCKET_NAME).is_socket()), None)

    def _socket_places(self) -> list[Path]:
        """Named after the data directory, so that it is found again without being written down."""
        name = "toktra-" + hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]
        places = [parent / name for parent in _runtime_parents(self.account)]
        return [place for place in places if len(os.fsencode(place / SOCKET_NAME)) <= _LONGEST_SOCKET_PATH]

    def _marker(self) -> Marker:
        return Marker(layout=LAYOUT, made_by=toktra.__version__)

    def _check_marker(self) -> None:
        path = self.path / "toktra-data.json"
        try:
            marker = msgspec.json.decode(path.read_bytes(), type=Marker)
        except FileNotFoundError:
            return
        except msgspec.MsgspecError:
            raise DirectoryNotUsable(f"{path} is damaged; restore it from your backup.") from None
        if marker.layout > LAYOUT:
            raise DataDirectoryTooNew(self.path, marker.made_by, toktra.__version__)

    def _take_lock(self) -> None:
        lock = os.open(self.path / "in-use", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise AlreadyRunning(self.path, pid or "unknown") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def _let_account_through(self) -> None:
        """Makes `home` the account's own, and lets it pass through our directory, of which it can list nothing."""
        other = self.account.uid != os.geteuid()
        if other and self.path.stat().st_uid == os.geteuid():
            self.path.chmod(0o711)
        blocking = self.account.first_unreachable(self.path)
        if blocking is not None:
            raise DirectoryNotReachable(self.path, blocking, self.account.name)
        self.home.mkdir(mode=0o700, exist_ok=True)
        if other:
            os.chown(self.home, self.account.uid, self.account.gid)

    def _not_usable(self, error: OSError) -> NoReturn:
        raise DirectoryNotUsable(
            f"the data directory {self.path} cannot be used: {error.strerror}"
            f"{f' ({error.filename})' if error.filename else ''}. Choose another with --data, or correct its owner."
        ) from error


def _runtime_parents(account: Account) -> list[Path]:
    """Where a socket may go, best first: gone at the next boot, and short."""
    ours = os.environ.get("XDG_RUNTIME_DIR") if account.uid == os.geteuid() else None
    places = [Path(ours)] if ours else []
    if os.geteuid() == 0:
        places.append(Path("/run"))
    return [*places, Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - the name is checked to be ours


def _write_private(path: Path, content: msgspec.Struct) -> None:
    """Writes a file that only we may read, whole or not at all, and durable before it is relied on."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, msgspec.json.format(msgspec.json.encode(content)) + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    unfinished.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

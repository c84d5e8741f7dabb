"""Our own PostgreSQL: made, started, watched and stopped by the process that needs it.

It holds two ledgers, each in a database of its own that the other's roles cannot even connect to.

It listens on a unix socket only, asks every role for its password (scram), and never runs as root. A database that
was killed is waited for while it recovers. It dies with its parent: on Linux the kernel sends it a fast shutdown when
the thread that started it ends, so start it from the main thread; elsewhere, and after a kill -9 of both, the next
start finds what is left by its working directory and ends it first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, LiteralString, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from toktra.server.database.account import database_account
from toktra.server.database.directory import DataDirectory, Passwords
from toktra.server.database.failures import DatabaseFailure, PostgresDidNotStart
from toktra.server.database.leftovers import FAST_SHUTDOWN_S, IMMEDIATE_SHUTDOWN_S, clear_leftovers
from toktra.server.database.programs import Programs, find_programs, reachable_by

SUPERUSER: Final = "toktra_superuser"
OWNER: Final = "toktra_owner"
APP: Final = "toktra_app"
PRIVACY: Final = "toktra_privacy"
DATABASE: Final = "toktra"
PERSONAL_OWNER: Final = "toktra_personal_owner"
PERSONAL_APP: Final = "toktra_personal_app"
PERSONAL_DATABASE: Final = "toktra_personal"

RECOVERY_S: Final = 600.0
"""How long a start may take; replaying the log of a killed server is the long part."""
_POLL_S: Final = 0.005
_PR_SET_PDEATHSIG: Final = 1

_SERVER_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "wal_compression": "off",  # the wheel has only pglz, which makes writing ten times slower
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log is for the engineer and holds no values: no statements, no details of the row at fault.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}

_OPEN_TO_ALL: Final[LiteralString] = (
    "select datname::text, has_database_privilege('public', oid, 'connect') from pg_database"
)


class EmbeddedPostgres:
    """One PostgreSQL over one data directory. A context manager: running inside, cleanly stopped after."""

    def __init__(self, directory: Path) -> None:
        self._directory = DataDirectory(directory.resolve(), database_account())
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords: Passwords | None = None
        self._socket_directory: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def owner_url(self) -> str:
        """For migrations: the role that owns the tables."""
        return self._url(OWNER, self._known_passwords.owner)

    @property
    def app_url(self) -> str:
        """For the server: a role that row-level security binds."""
        return self._url(APP, self._known_passwords.app)

    @property
    def privacy_url(self) -> str:
        """For what people write about their Privacy Hours: a role that is let to nothing else."""
        return self._url(PRIVACY, self._known_passwords.privacy)

    @property
    def personal_urls(self) -> tuple[str, str]:
        """The second ledger, as the role that serves it and as the one that owns it."""
        return _personal_urls(self._place, self._known_passwords)

    @property
    def superuser_url(self) -> str:
        """For backups and for tests; nothing in the server uses it."""
        return self._url(SUPERUSER, self._known_passwords.superuser)

    @property
    def process_id(self) -> int | None:
        """Of the postmaster; None when it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Returns when the database answers. Makes the cluster, the roles and the database at the first start.

        Raises a DatabaseFailure that names what is wrong and what to do; then nothing is left running.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start the database from the main thread: it ends when its starting thread ends")
        self._directory.open()
        try:
            self._passwords = self._directory.passwords()
            self._run()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: running transactions are undone, everything committed is on disk. Safe to repeat."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._socket_directory is not None:
            with contextlib.suppress(OSError):
                self._socket_directory.rmdir()
            self._socket_directory = None
        self._directory.close()

    def restart(self) -> None:
        """Starts it again after it was killed; waits for recovery. Clients find it under the same URLs."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        self._run()

    def _run(self) -> None:
        """With the data directory locked: clears what is left of an earlier run, starts, waits, completes."""
        clear_leftovers(self._directory.cluster)
        programs = find_programs(self._directory.cluster)
        programs = reachable_by(self._directory.account, programs, self._directory.home)
        if not self._directory.cluster.exists():
            self._make_cluster(programs)
        self._launch(programs)
        self._wait_until_ready()
        self._ensure_roles_and_database()

    def _make_cluster(self, programs: Programs) -> None:
        """initdb beside the final place, then a rename: a start that is cut short leaves no half-made cluster."""
        account, cluster = self._directory.account, self._directory.cluster
        unfinished = cluster.with_name("cluster.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self._directory.home / "initial-password"
        password_file.unlink(missing_ok=True)
        handle = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as content:
            os.fchown(handle, account.uid, account.gid)
            content.write(self._known_passwords.superuser)
        locale = (
            ["--locale-provider=builtin", "--locale=C.UTF-8"] if programs.major >= 17 else ["--locale=C"]
        )  # the same order of names on every machine
        try:
            made = subprocess.run(  # noqa: S603 - a program found by us, arguments of ours
                [
                    str(programs.initdb), f"--pgdata={unfinished}", f"--username={SUPERUSER}", "--encoding=UTF8",
                    *locale, "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions",
                ],
                cwd="/", env=_environment(), capture_output=True, text=True, check=False, **account.process_options,
            )  # fmt: skip
        finally:
            password_file.unlink()
        if made.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise PostgresDidNotStart(f"the database could not be made: {made.stderr.strip()}")
        unfinished.rename(cluster)

    def _launch(self, programs: Programs) -> None:
        self._socket_directory = self._directory.make_socket_directory()
        settings = {**_SERVER_SETTINGS, "unix_socket_directories": str(self._socket_directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = self._directory.log
        if log.exists():
            log.rename(log.with_name("log.1"))
        with log.open("xb") as output:  # "x": never through a link that was put there
            self._process = subprocess.Popen(  # noqa: S603 - a program found by us, arguments of ours
                [str(programs.postgres), "-D", str(self._directory.cluster), *options],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for our parent, who stops us in order
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - one system call, made ready before the fork
                **self._directory.account.process_options,
            )

    def _wait_until_ready(self) -> None:
        """Follows postmaster.pid, where PostgreSQL writes its state, as pg_ctl does."""
        process = self._process
        if process is None:
            return
        pid_file = self._directory.cluster / "postmaster.pid"
        deadline = time.monotonic() + RECOVERY_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise PostgresDidNotStart(f"PostgreSQL ended while starting:\n{self._end_of_log()}")
            with contextlib.suppress(FileNotFoundError):
                lines = pid_file.read_text().splitlines()
                if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                    return
            time.sleep(_POLL_S)
        raise PostgresDidNotStart(
            f"PostgreSQL was not ready after {RECOVERY_S:.0f} s; it may still be recovering. "
            f"The end of its log:\n{self._end_of_log()}"
        )

    def _ensure_roles_and_database(self) -> None:
        """Idempotent, because a first start may be cut short anywhere."""
        passwords = self._known_passwords
        url = self._url(SUPERUSER, passwords.superuser, database="postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            roles = {row[0] for row in connection.execute("select rolname from pg_roles")}
            databases: dict[str, bool] = dict(connection.execute(_OPEN_TO_ALL).fetchall())
            for role, password in (
                (OWNER, passwords.owner),
                (APP, passwords.app),
                (PRIVACY, passwords.privacy),
                (PERSONAL_OWNER, passwords.personal_owner),
                (PERSONAL_APP, passwords.personal_app),
            ):
                if role not in roles:
                    make = sql.SQL("create role {} login nosuperuser nobypassrls nocreaterole nocreatedb password {}")
                    connection.execute(make.format(sql.Identifier(role), sql.Literal(password)))
            for database, owner, others in (
                (DATABASE, OWNER, (APP, PRIVACY)),
                (PERSONAL_DATABASE, PERSONAL_OWNER, (PERSONAL_APP,)),
            ):
                if database not in databases:
                    make = sql.SQL("create database {} owner {}")
                    connection.execute(make.format(sql.Identifier(database), sql.Identifier(owner)))
                if databases.get(database, True) or not roles.issuperset(others):
                    _let_in_alone(connection, database, others)

    @property
    def _known_passwords(self) -> Passwords:
        if self._passwords is None:
            raise DatabaseFailure("the database has not been started")
        return self._passwords

    @property
    def _place(self) -> Path:
        if self._socket_directory is None:
            raise DatabaseFailure("the database is not running")
        return self._socket_directory

    def _url(self, role: str, password: str, database: str = DATABASE) -> str:
        return _url(self._place, role, password, database)

    def _end_of_log(self) -> str:
        try:
            lines = self._directory.log.read_text(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-12:])


def _let_in_alone(connection: psycopg.Connection[Any], database: str, roles: tuple[str, ...]) -> None:
    """In this order, so that one cut short between the two is done again."""
    name = sql.Identifier(database)
    let_in = sql.SQL(", ").join(map(sql.Identifier, roles))
    connection.execute(sql.SQL("grant connect on database {} to {}").format(name, let_in))
    connection.execute(sql.SQL("revoke connect on database {} from public").format(name))


def urls_of_running(directory: Path) -> tuple[str, str, str] | None:
    """The app's, the owner's and the privacy role's URL of the database that another process of ours runs there."""
    data = DataDirectory(directory.resolve(), database_account())
    place = data.find_socket_directory()
    if place is None:
        return None
    passwords = data.passwords()
    return (
        _url(place, APP, passwords.app),
        _url(place, OWNER, passwords.owner),
        _url(place, PRIVACY, passwords.privacy),
    )


def personal_urls_of_running(directory: Path) -> tuple[str, str] | None:
    """As `EmbeddedPostgres.personal_urls`, of the database that another process of ours runs there."""
    data = DataDirectory(directory.resolve(), database_account())
    place = data.find_socket_directory()
    return None if place is None else _personal_urls(place, data.passwords())


def _personal_urls(place: Path, passwords: Passwords) -> tuple[str, str]:
    return (
        _url(place, PERSONAL_APP, passwords.personal_app, PERSONAL_DATABASE),
        _url(place, PERSONAL_OWNER, passwords.personal_owner, PERSONAL_DATABASE),
    )


def _url(socket_directory: Path, role: str, password: str, database: str = DATABASE) -> str:
    place = urlencode({"host": str(socket_directory), "port": "5432"})
    return f"postgresql://{role}:{quote(password, safe='')}@/{database}?{place}"


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGPORT and the like would change what PostgreSQL does."""
    return {"LC_ALL": "C", "PATH": os.defpath}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown, then immediate, then the kill that cannot be refused."""
    for signal_number, patience_s in ((signal.SIGINT, FAST_SHUTDOWN_S), (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_S)):
        process.send_signal(signal_number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes PostgreSQL: ask for a fast shutdown when its parent ends (prctl(2)).

    It runs after the change of user, which would clear the request.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return ask

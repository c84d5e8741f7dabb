"""Inside the sandbox the agent does its work and nothing else; each thing is tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PREAMBLE = """
import ctypes, os, socket, sqlite3, ssl, sys, threading, urllib.request
from pathlib import Path
from toktra.agent.capture.linux.privileges import keep_only
from toktra.agent.capture.linux.sandbox import SYSTEM_FILES, enter_sandbox
directory = Path(sys.argv[1])
keep_only(frozenset())
sandbox = enter_sandbox(readable=[directory / "read", *SYSTEM_FILES], writable=[directory / "write"])
if not sandbox.files: print("no Landlock"); sys.exit(77)
"""

WORK = [
    "(directory / 'read' / 'file').read_text()",
    "p = directory / 'write' / 'file'; p.write_text('x'); p.rename(directory / 'write' / 'other')",
    "sqlite3.connect(directory / 'write' / 'spool.db').execute('pragma journal_mode=wal').fetchall()",
    "s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()).close()",
    "a, b = socket.socketpair(); t = threading.Thread(target=a.send, args=(b'x',)); t.start(); assert b.recv(1)",
    "socket.getaddrinfo('localhost', 80)",
    # A call nobody knows yet is answered as by an older kernel, so that a newer C library falls back.
    "libc = ctypes.CDLL(None, use_errno=True); libc.syscall(9999); assert ctypes.get_errno() == 38",  # ENOSYS
]
REFUSED = [
    "(directory / 'write' / 'new' ).symlink_to('/etc/shadow'); (directory / 'write' / 'new').read_text()",
    "Path('/etc/shadow').read_text()",
    "(directory / 'read' / 'new').write_text('x')",
    "(directory / 'read' / 'file').unlink()",
    "os.execv('/bin/true', ['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "os.chroot('/')",
    "os.memfd_create('hidden')",
    "os.mkfifo(directory / 'write' / 'pipe')",
    "os.setpriority(os.PRIO_PROCESS, 0, 5)",
    "os.sched_setaffinity(0, {0})",
    "Path(f'/proc/{os.getppid()}/mem').open('rb')",
    "from toktra.agent.capture.linux import bpf; bpf.call(bpf.Command.PROG_LOAD, bytes(128))",
    "from toktra.agent.capture.linux import bpf; bpf.call(bpf.Command.PROG_GET_FD_BY_ID, bytes(12))",
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text")
    return tmp_path


def attempt(directory: Path, statement: str) -> subprocess.CompletedProcess[str]:
    early = "from toktra.agent.capture.linux import bpf\n" if "import bpf" in statement else ""
    script = f"{early}{PREAMBLE}{statement}\n"
    result = subprocess.run([sys.executable, "-c", script, str(directory)], capture_output=True, text=True, check=False)
    if result.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    return result


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
@pytest.mark.parametrize("statement", WORK)
def test_what_an_agent_does_still_works(directory: Path, statement: str) -> None:
    result = attempt(directory, statement)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
@pytest.mark.parametrize("statement", REFUSED)
def test_anything_else_is_refused(directory: Path, statement: str) -> None:
    result = attempt(directory, statement)
    assert result.returncode == 1
    assert "PermissionError" in result.stderr, result.stderr

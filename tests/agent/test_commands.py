"""What a person at the device reads, and the exit codes a script sees."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.scratch import scratch_directory

from toktra.agent.commands import agent
from toktra.agent.identity import Identity, read_identity, write_identity
from toktra.agent.state_directory import StateDirectory
from toktra.wire.enrolment import Enrolled
from toktra.wire.events import BatchAccepted, decode_batch, encode
from toktra.wire.signatures import KeyId

Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], Any]
"""See the fixture."""
SAMPLE = Path(sys.modules["toktra"].__path__[0]) / "up" / "sample.pcap"
KEY_ID = KeyId(UUID(int=1), UUID(int=2))


def toktra_agent(*arguments: object) -> Result:
    return CliRunner().invoke(agent, [str(argument) for argument in arguments])


def accept(request: Any) -> tuple[int, dict[str, str], bytes]:
    if request.path.endswith("/enrol"):
        return 200, {}, encode(Enrolled(tenant="Example", device=str(KEY_ID.device), key_id=str(KEY_ID)))
    batch = decode_batch(request.body)
    return 200, {}, encode(BatchAccepted(epoch=batch.epoch, last_seq=batch.prev_seq + len(batch.events)))


def test_enrol_then_run_then_status(tmp_path: Path, serve: Serve) -> None:
    url = serve(accept).url

    enrolled = toktra_agent("enrol", "acme-abcd-efgh-jkmn", "--server", url, "--state", tmp_path)
    ran = toktra_agent("run", "--state", tmp_path, "--replay", SAMPLE)
    status = toktra_agent("status", "--state", tmp_path)
    as_json = toktra_agent("status", "--state", tmp_path, "--json")

    assert (enrolled.exit_code, enrolled.stdout) == (0, f"This device now reports to Example at {url}.\n")
    assert ran.exit_code == 0
    assert "new usage events" in ran.stdout
    assert status.exit_code == as_json.exit_code == 3
    assert "not running since" in status.stdout
    assert f"Reports to Example at {url}: connected" in status.stdout
    told = json.loads(as_json.stdout)
    assert (told["running"], told["state"], told["waiting"], told["capture"]) == (False, "stopped", 0, None)


def test_running_without_enrolment_says_how_to_enrol(tmp_path: Path) -> None:
    result = toktra_agent("run", "--state", tmp_path)

    assert result.exit_code == 2
    assert "toktra agent enrol CODE --server URL" in result.stderr


def test_a_code_that_was_used_is_reported_in_the_servers_words(tmp_path: Path, serve: Serve) -> None:
    url = serve(lambda _: (403, {}, b'{"detail": "This enrolment code has been used up."}')).url

    result = toktra_agent("enrol", "acme-abcd-efgh-jkmn", "--server", url, "--state", tmp_path)

    assert (result.exit_code, result.stderr) == (
        2,
        "Error: The server did not enrol this device: This enrolment code has been used up.\n",
    )
    assert not StateDirectory(tmp_path).identity.exists()


def test_an_unreachable_server_is_worth_another_try(tmp_path: Path) -> None:
    result = toktra_agent("enrol", "acme-abcd-efgh-jkmn", "--server", "http://127.0.0.1:9", "--state", tmp_path)

    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("enrol", "acme-abcd", "--server", "http://toktra.example.org"), "unencrypted"),
        (("enrol", "acme-abcd"), "--server"),
        (("run", "--ports", "443,https"), "'https' is not a port"),
        (("run", "--ports", "0"), "'0' is not a port"),
        (("run", "--ca", "/nonexistent.pem"), "/nonexistent.pem"),
    ],
)
def test_wrong_arguments_change_nothing(tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    result = toktra_agent(*arguments, "--state", tmp_path / "state")

    assert result.exit_code == 2
    assert text in result.stderr
    assert not (tmp_path / "state" / "identity.json").exists()


@pytest.fixture
def enrolled(serve: Serve) -> Iterator[StateDirectory]:
    """Where other accounts can go, too; pytest's own directory is closed to them."""
    with scratch_directory("toktra-agent-") as path:
        yield _enrolled(StateDirectory(path), serve)


def _enrolled(directory: StateDirectory, serve: Serve) -> StateDirectory:
    write_identity(
        directory.identity,
        Identity(
            server=serve(accept).url,
            tenant="Example",
            device=str(KEY_ID.device),
            key_id=str(KEY_ID),
            private_key=Ed25519PrivateKey.generate(),
        ),
    )
    return directory


def test_a_directory_of_a_newer_version_is_left_alone(enrolled: StateDirectory) -> None:
    (enrolled.path / "format").write_text("2\n")
    before = {path.name: path.read_bytes() for path in enrolled.path.iterdir()}

    result = toktra_agent("run", "--state", enrolled.path, "--replay", SAMPLE)

    assert result.exit_code == 2
    assert "newer version of toktra (format 2, this one knows 1). Update toktra" in result.stderr
    after = {path.name: path.read_bytes() for path in enrolled.path.iterdir() if path.name != "agent.lock"}
    assert after == before


def test_a_damaged_spool_is_set_aside_and_the_agent_goes_on(enrolled: StateDirectory) -> None:
    enrolled.spool.write_bytes(b"rubbish" * 999)

    done = subprocess.run(
        [sys.executable, "-m", "toktra", "agent", "run", "--state", enrolled.path, "--replay", SAMPLE],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    [aside] = enrolled.path.glob("spool-damaged-*.sqlite")
    assert str(aside) in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"this is no capture"])
def test_a_file_that_is_no_capture_is_named(enrolled: StateDirectory, content: bytes | None) -> None:
    path = enrolled.path / "wrong.pcap"
    if content is not None:
        path.write_bytes(content)

    result = toktra_agent("run", "--state", enrolled.path, "--replay", path)

    assert result.exit_code == 2
    assert "wrong.pcap" in result.stderr


def test_a_damaged_identity_is_named(enrolled: StateDirectory) -> None:
    enrolled.identity.write_bytes(enrolled.identity.read_bytes()[:-40])

    result = toktra_agent("run", "--state", enrolled.path, "--replay", SAMPLE)

    assert result.exit_code == 2
    assert "identity.json cannot be used" in result.stderr


WITHOUT_RIGHTS = """
import os, sys
from toktra.agent.commands import agent
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
agent(sys.argv[1:], prog_name="toktra agent")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody without rights")
def test_without_rights_it_prints_the_command_that_gives_them(enrolled: StateDirectory) -> None:
    for path in (enrolled.path, *enrolled.path.iterdir()):
        os.chown(path, 65534, 65534)

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS, "run", "--state", enrolled.path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert "CAP_BPF" in done.stderr
    assert f"sudo {sys.executable} -m toktra run --state {enrolled.path}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_live_agent_gives_up_its_rights_and_ends_in_order(enrolled: StateDirectory, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "toktra", "agent", "run", "--state", enrolled.path, "--account", "nobody"],
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        lines = []
        for line in child.stderr:  # until it is connected, or ends
            lines.append(line)
            if "uplink: connected" in line:
                break
        else:  # never go on: a second one would be the first, and give up the rights of this very process
            pytest.fail("".join(lines))
        fields = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines() if ":\t" in line
        )
        shown = toktra_agent("status", "--state", enrolled.path)
        refused = toktra_agent("run", "--state", enrolled.path)
        child.send_signal(number)
        assert child.wait(10) == 0, "".join(lines)

    assert fields["Uid"].split() == ["65534"] * 4
    assert int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert shown.exit_code == 0
    assert f"process {child.pid}" in shown.stdout
    assert refused.exit_code == 2
    assert f"process id {child.pid}" in refused.stderr
    assert read_identity(enrolled.identity).tenant == "Example"


STARTER = """
import ctypes, os, signal, subprocess, sys
def end_with_me():
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
command = [sys.executable, "-m", "toktra", "agent", "run", "--state", sys.argv[1], "--account", "nobody"]
child = subprocess.Popen(command,
    stderr=subprocess.PIPE, text=True, preexec_fn=end_with_me)
for line in child.stderr:
    print(line, end="", file=sys.stderr)
    if "uplink: connected" in line:
        break
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_agent_that_changed_its_account_still_ends_with_its_parent(enrolled: StateDirectory) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, enrolled.path], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        agent_pid = int(starter.stdout.readline())
        assert enrolled.running_pid() == agent_pid
        descriptor = os.pidfd_open(agent_pid)
        starter.kill()

    ended, _, _ = select.select([descriptor], [], [], 15)
    os.close(descriptor)
    assert ended
    assert enrolled.running_pid() is None


def test_status_says_why_none_can_run_on_an_old_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktra.agent.commands.kernel_version", lambda: (5, 10))
    told = toktra_agent("status", "--state", tmp_path)
    assert told.exit_code == 3
    assert "watching connections takes Linux 5.14 or newer" in told.stdout
    assert "5.14" in json.loads(toktra_agent("status", "--state", tmp_path, "--json").stdout)["cannot_watch"]
    monkeypatch.setattr("toktra.agent.commands.kernel_version", lambda: (5, 14))
    assert "takes Linux" not in toktra_agent("status", "--state", tmp_path).stdout

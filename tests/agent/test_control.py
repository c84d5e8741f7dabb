"""The control socket: who asks is who the kernel says, and nobody can keep others waiting."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toktra.agent import control as control_module
from toktra.agent.control import MOST_OF_AN_ACCOUNT, ControlSocket, address_of
from toktra.agent.control_client import AgentIsBusy, AgentRefused, NoAgentAnswers, ask
from toktra.agent.control_messages import MAX_REQUEST_BYTES, Add, PauseFor, Refused, Show, Told, read_answer
from toktra.agent.privacy_hours.windows import parse_window
from toktra.wire.schedule import MAX_WINDOWS, DatedWindow, Schedule


def told(note: str) -> Told:
    return Told(private=True, until=None, because="", in_words="", schedule=Schedule(zone="Etc/UTC"), note=note)


class Agent:
    """The agent's own thread: answers with what it was asked, and by whom."""

    def __init__(self, path: Path) -> None:
        self.control = ControlSocket(path)
        self._ending = False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:

        while not self._ending:
            select.select([self.control.descriptor], [], [], 0.05)
            for asked in self.control.waiting():
                asked.answer(told(f"{asked.uid} {asked.request}"))

    def stop(self) -> None:
        self._ending = True
        self._thread.join()
        self.control.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "control.socket"


@pytest.fixture
def agent(place: Path) -> Iterator[Agent]:
    running = Agent(place)
    yield running
    running.stop()


@pytest.fixture
def connect(place: Path) -> Iterator[Callable[[], socket.socket]]:
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        opened.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        opened[-1].settimeout(10)
        with address_of(place) as address:
            opened[-1].connect(address)
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def everything(connection: socket.socket) -> bytes:
    """All it says until it hangs up."""
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


@pytest.mark.usefixtures("agent")
def test_a_request_reaches_the_agent_with_the_account_the_kernel_names(place: Path) -> None:
    assert ask(place, PauseFor(minutes=30)).note == f"{os.geteuid()} PauseFor(minutes=30)"


@pytest.mark.usefixtures("agent")
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another account needs root")
def test_another_account_may_ask_and_is_known_by_its_own_number(place: Path) -> None:
    for directory in (place.parent, *place.parent.parents[:3]):
        if directory.name.startswith(("pytest-", "popen-")) or directory == place.parent:
            directory.chmod(0o711)
    script = (
        "import os, sys; from pathlib import Path; from toktra.agent.control_client import ask;"
        "from toktra.agent.control_messages import Show;"
        "os.setgroups([]); os.setresgid(4321, 4321, 4321); os.setresuid(4321, 4321, 4321);"
        "print(ask(Path(sys.argv[1]), Show()).note)"
    )
    done = subprocess.run([sys.executable, "-c", script, place], capture_output=True, text=True, check=False)
    assert done.stdout == "4321 Show()\n", done.stderr


@pytest.mark.usefixtures("agent")
def test_a_full_schedule_fits(place: Path) -> None:
    window = parse_window("2027-03-28 23:30-24:00")
    assert isinstance(window, DatedWindow)
    assert ask(place, Add(windows=(window,) * MAX_WINDOWS, zone="America/Argentina/ComodRivadavia")).private


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b'{"ask":"show","account":"root"}',
        b'{"ask":"pause-for","minutes":0}',
        b'{"ask":"pause-for","minutes":44641}',
        b'{"ask":"add","windows":[]}',
        b'{"ask":"add","windows":[{"every":"once","on":"2027-03-28","start_minute":5,"end_minute":5}]}',
        b'{"ask":"pause-until","until":"2027-03-28T18:00:00"}',
        b'{"ask":"forget"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_answered(
    place: Path, connect: Callable[[], socket.socket], line: bytes
) -> None:
    client = connect()
    client.sendall(line + b"\n")
    assert isinstance(read_answer(everything(client)), Refused)
    assert ask(place, Show()).private


@pytest.mark.usefixtures("agent")
def test_a_request_without_end_is_refused_once_it_is_too_long(connect: Callable[[], socket.socket]) -> None:
    client = connect()
    try:
        client.sendall(b" " * (MAX_REQUEST_BYTES + 100_000))
    except (BrokenPipeError, ConnectionResetError):
        return  # it had hung up already
    answer = everything(client)  # lost when the kernel resets because not all was read
    assert not answer or isinstance(read_answer(answer), Refused)


@pytest.mark.usefixtures("agent")
def test_an_account_that_holds_its_connections_open_gets_no_more_of_them(
    connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [connect() for _ in range(MOST_OF_AN_ACCOUNT)]
    one_too_many = connect()
    assert everything(one_too_many) == b""
    held[0].sendall(b'{"ask":"show"}\n')
    assert isinstance(read_answer(everything(held[0])), Told)


@pytest.mark.usefixtures("agent")
def test_who_says_nothing_is_hung_up_on(
    place: Path, connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "ASK_WITHIN_S", 0.1)
    silent = [connect() for _ in range(MOST_OF_AN_ACCOUNT)]
    silent[0].sendall(b'{"ask":')
    for one in silent:
        assert everything(one) == b""
    assert ask(place, Show()).private


def test_an_agent_that_does_not_answer_is_said_to_be_busy(place: Path) -> None:
    control = ControlSocket(place)
    with pytest.raises(AgentIsBusy, match="toktra status"):
        ask(place, Show(), patience_s=0.2)
    control.close()


def test_without_an_agent_it_says_so(place: Path) -> None:
    with pytest.raises(NoAgentAnswers, match="toktra agent status") as raised:
        ask(place, Show())
    assert raised.value.exit_code == 3


def test_a_refusal_is_an_error_for_the_one_who_asked(place: Path) -> None:
    control = ControlSocket(place)
    asking: list[BaseException] = []

    def client() -> None:
        with pytest.raises(AgentRefused) as raised:
            ask(place, Show())
        asking.append(raised.value)

    thread = threading.Thread(target=client)
    thread.start()
    while not (waiting := control.waiting()):
        pass
    waiting[0].answer(Refused(because="Not now."))
    thread.join()
    control.close()
    assert [str(error) for error in asking] == ["Not now."]


def test_what_a_killed_agent_left_is_replaced_and_nothing_stays_after_the_end(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)  # longer than an address of a socket may be
    deep.mkdir()
    place = deep / "control.socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left, address_of(place) as address:
        left.bind(address)
    running = Agent(place)
    assert place.stat().st_mode & 0o777 == 0o666
    assert ask(place, Show()).private
    running.stop()
    assert not place.exists()


def test_a_signal_wakes_the_agent_and_asks_nothing(place: Path) -> None:
    control = ControlSocket(place)
    former = signal.set_wakeup_fd(control.waker, warn_on_full_buffer=False)
    handler = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        assert select.select([control.descriptor], [], [], 0)[0] == []
        signal.raise_signal(signal.SIGUSR1)
        assert select.select([control.descriptor], [], [], 10)[0] == [control.descriptor]
        assert control.waiting() == []
        assert select.select([control.descriptor], [], [], 0)[0] == []
    finally:
        signal.set_wakeup_fd(former)
        signal.signal(signal.SIGUSR1, handler)
        control.close()

"""Under floods, with full buffers and tables: what cannot be counted is called missed, and no number is ever wrong."""

from __future__ import annotations

import errno
import itertools
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.lab.conversation import client_hello
from tests.lab.holding import Holder
from tests.lab.lab import SERVER_4, Lab
from tests.lab.watching import Watch, totals

from toktra.agent.capture.linux import bpf, inspection
from toktra.agent.capture.linux.program import HOOKS, attach, load, root_cgroup

pytestmark = pytest.mark.kernel


@contextmanager
def swallowing(listener: socket.socket) -> Iterator[None]:
    """Accepts everything and reads nothing but the end."""

    def accept() -> None:
        accepted = []
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                break
            while len(accepted) > 3000:
                accepted.pop(0).close()
        for connection in accepted:
            connection.close()

    thread = threading.Thread(target=accept)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def test_hellos_the_ring_cannot_hold_are_missed_and_the_next_are_exact(
    lab: Lab, domain: str, watch: Callable[..., Watch]
) -> None:
    host, count = f"api.{domain}", 6000
    watching = watch()
    hello = client_hello(f"other.{domain}")
    assert count * len(hello) > 1 << 21
    with swallowing(lab.listen(SERVER_4, 443)):  # nobody polls meanwhile
        lab.program("many_hellos", SERVER_4, "443", hello.hex(), str(count), "500", timeout_s=60)
    watching.settle()
    status = watching.capture.status()
    missed = sum(status.missed.values())
    assert missed > 0
    assert status.forgotten + missed >= count
    assert watching.observed == []
    with lab.serve(host) as server:
        lab.curl(f"https://{host}/bytes/7000", "-o", "/dev/null")
        (served,) = server.wait_closed(1)
    observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
    assert totals(observed) == (served.received_bytes, served.sent_bytes)


def test_a_full_table_is_missed_connections_and_the_next_are_exact(
    lab: Lab, domain: str, watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    watching = watch()
    flows = watching.capture._flows
    filled = fill(flows)
    assert filled >= 30_000
    with lab.serve(host) as server:
        lab.curl(f"https://{host}/bytes/7000", "-o", "/dev/null")
        server.wait_closed(1)
        watching.settle()
        assert watching.observed == []
        assert watching.capture.status().missed["too many connections at once"] >= 1
        flows.clear()
        lab.curl(f"https://{host}/bytes/9000", "-o", "/dev/null")
        served = server.wait_closed(2)[1]
    observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
    assert totals(observed) == (served.received_bytes, served.sent_bytes)


def fill(flows: bpf.Map) -> int:
    """Puts flows that do not exist into the table until it takes no more; how many."""
    value = bytes(flows.value_size)
    for number in itertools.count():
        try:
            flows.put(b"full" + number.to_bytes(flows.key_size - 4, "little"), value)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            return number
    raise AssertionError


def test_thousands_of_provider_connections_at_once_take_little_memory(lab: Lab, domain: str, holder: Holder) -> None:
    """Of 40 MB that the agent may take, most is Python itself."""
    hello = client_hello(f"api.{domain}")
    at_once = min(4000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 200)
    holder.watch()
    with swallowing(lab.listen(SERVER_4, 443)):
        lab.program("many_hellos", SERVER_4, "443", hello.hex(), str(3 * at_once), str(at_once), timeout_s=60)
    holder.watched()
    status = holder.ask("status")
    assert status["provider_connections"] + sum(status["missed"].values()) == 3 * at_once
    memory = Path(f"/proc/{holder.process.pid}/status").read_text("ascii")
    (resident_kb,) = [int(line.split()[1]) for line in memory.splitlines() if line.startswith("VmHWM")]
    assert resident_kb < 40 * 1024


def test_no_flow_is_left_behind_by_a_flood(lab: Lab, domain: str, watch: Callable[..., Watch]) -> None:
    watching = watch()
    hello = client_hello(f"other.{domain}")
    half = hello[: len(hello) // 2]
    flows = watching.capture._flows
    before = set(flows.list_keys())
    with swallowing(lab.listen(SERVER_4, 443)):
        for message in (hello, half, b"GET / HTTP/1.1\r\n\r\n", b""):
            lab.program("many_hellos", SERVER_4, "443", message.hex(), "100", "50")
            watching.settle(0.2)
    watching.settle()
    ours = set(flows.list_keys()) - before
    assert len(ours) < 20, "others' connections at this moment at most"
    status = watching.capture.status()
    assert status.forgotten >= 100
    assert status.unnamed >= 300


def test_connections_opened_before_the_start_are_not_guessed_at(
    lab: Lab, domain: str, watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    with lab.serve(host) as server:
        client = lab.start(
            *("curl", "-sS", "--cacert", str(lab.ca_file), "--connect-to", f"::{SERVER_4}:"),
            *(f"https://{host}/stream/30/500/100", "-o", "/dev/null"),
        )
        while not (server.connections and server.connections[0].requests):
            threading.Event().wait(0.02)
        watching = watch()
        assert client.wait(30) == 0
        server.wait_closed(1)
        watching.settle()
    assert watching.observed == []


def test_other_programs_on_the_cgroup_stay_and_ours_leave_when_we_do(watch: Callable[..., Watch]) -> None:
    cgroup = root_cgroup()
    other = attach(load(), cgroup)
    other.rest()
    try:
        watching = watch()
        ids = {hook: {program.id for program in inspection.attached(cgroup, HOOKS[hook])} for hook in HOOKS}
        programs = watching.capture._program.programs
        for hook in HOOKS:
            ours = inspection.by_fd(programs[f"toktra_{hook}"]).id
            theirs = inspection.by_fd(other.programs[f"rest_{hook}"]).id
            assert {ours, theirs} <= ids[hook]
        ours_everywhere = {inspection.by_fd(fd).id for fd in programs.values()}
        watching.capture.close()
        for hook in HOOKS:
            left = {program.id for program in inspection.attached(cgroup, HOOKS[hook])}
            assert not left & ours_everywhere
            assert inspection.by_fd(other.programs[f"rest_{hook}"]).id in left
        with pytest.raises(FileNotFoundError):
            bpf.call(bpf.Command.PROG_GET_FD_BY_ID, min(ours_everywhere).to_bytes(4, "little") + bytes(8))
    finally:
        other.close()

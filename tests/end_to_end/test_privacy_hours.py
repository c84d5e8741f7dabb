"""Privacy Hours on a device at work: what the account says is what is observed, byte for byte, on both edges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.end_to_end.clients import Client, served
from tests.end_to_end.installation import Installation, until
from tests.lab.lab import Lab
from tests.lab.server import TlsServer

from toktra.agent.capture.linux import inspection
from toktra.agent.capture.linux.program import HOOKS, root_cgroup
from toktra.agent.control_client import AgentRefused, ask
from toktra.agent.control_messages import Add
from toktra.agent.privacy_hours.windows import parse_window

pytestmark = pytest.mark.kernel

HOST = "api.anthropic.com"
ALICE, BOB, CAROL = 4321, 4322, 4377


@pytest.fixture
def server(lab: Lab) -> Iterator[TlsServer]:
    with lab.serve(HOST, alpn=("http/1.1",)) as running:
        yield running


AS_ACCOUNT = """
import os, sys
from toktra.agent.privacy_hours.commands import privacy_hours
uid = int(sys.argv.pop(1))
os.setgroups([]), os.setresgid(uid, uid, uid), os.setresuid(uid, uid, uid)
privacy_hours(prog_name="toktra privacy-hours")
"""
"""Loads the command first: the account may not be able to read this checkout."""


def privacy_hours(here: Installation, uid: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`toktra privacy-hours …` as an account types it."""
    environment = {**os.environ, "TOKTRA_AGENT_STATE": str(here.data / "agent")}
    environment.pop("SUDO_USER", None)
    command = [sys.executable, "-c", AS_ACCOUNT, str(uid), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


def says(here: Installation, uid: int, *arguments: str) -> str:
    done = privacy_hours(here, uid, *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr, here.log("agent"))
    return done.stdout


def in_ledger(here: Installation) -> dict[str, tuple[int, int]]:
    """Bytes sent and received by account number, as the server's database has them."""
    rows = here.query(
        "select substring(p.display_name from '[0-9]+'), sum(request_bytes)::bigint, sum(response_bytes)::bigint "
        "from usage_event e join person p using (tenant_id, person_id) group by 1"
    )
    return {name: (sent, received) for name, sent, received in rows}


def arrives(here: Installation, truth: dict[str, tuple[int, int]]) -> None:
    until(lambda: in_ledger(here) == truth, why=lambda: f"{in_ledger(here)} {truth} {here.log('agent')}")


def attached(here: Installation) -> set[str]:
    """The kinds of program that the agent keeps in its hooks: those that watch, or those that rest."""
    held = inspection.held_by(here.children()["agent"])
    programs = [program for hook in HOOKS.values() for program in inspection.attached(root_cgroup(), hook)]
    return {program.name.split("_")[0] for program in programs if program.id in held}


def state(here: Installation) -> str:
    """What the agent says of Carol."""
    return str(json.loads(says(here, CAROL, "show", "--json"))["state"])


ASKS_AS_ACCOUNT = """
import os, sys, time
from pathlib import Path
from toktra.agent.control_client import ask
from toktra.agent.control_messages import Show
uid, socket, private = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "private"
os.setgroups([]), os.setresgid(uid, uid, uid), os.setresuid(uid, uid, uid)
while ask(socket, Show()).private != private:
    time.sleep(0.05)
"""


def becomes(here: Installation, wanted: str) -> None:
    """Returns when the agent says this of Carol; one process asks again and again, which takes hardly any time."""
    socket = here.data / "agent" / "control.socket"
    asks = [sys.executable, "-c", ASKS_AS_ACCOUNT, str(CAROL), str(socket), wanted]
    subprocess.run(asks, check=True, timeout=90)


@pytest.fixture
def clients(lab: Lab) -> Iterator[Callable[[int], Client]]:
    opened: list[Client] = []

    def open_for(uid: int) -> Client:
        opened.append(Client(lab, uid, HOST))
        return opened[-1]

    yield open_for
    for client in opened:
        client.close()


def test_a_pause_by_the_account_leaves_its_bytes_out_and_all_others_in(
    here: Installation, server: TlsServer, clients: Callable[[int], Client]
) -> None:
    here.start()
    alice = clients(ALICE)
    alice.ask("/bytes/5000", 300)
    before = served(server, 0, 1)
    assert attached(here) == {"toktra"}

    assert says(here, ALICE, "pause").startswith("Private")

    assert attached(here) == {"rest"}
    alice.ask("/bytes/777777", 70_000)
    within = served(server, 0, 2)
    stranger = clients(ALICE)  # opened within: stays unknown
    stranger.ask("/bytes/4000", 10)
    assert in_ledger(here).get(str(ALICE), (0, 0)) <= before

    assert says(here, ALICE, "resume").startswith("Observed")

    assert attached(here) == {"toktra"}
    alice.ask("/bytes/9000", 1000)
    alice.ask("/bytes/100", 2000)
    alice.close()
    stranger.close()
    server.wait_closed(2)
    after = served(server, 0, 4)
    arrives(here, {str(ALICE): (before[0] + after[0] - within[0], before[1] + after[1] - within[1])})
    [(largest,)] = here.query("select max(response_bytes)::bigint from usage_event")
    assert largest < 20_000


def test_an_answer_that_streams_over_both_edges_is_cut_at_them(
    here: Installation, server: TlsServer, clients: Callable[[int], Client]
) -> None:
    """What of it came before and after is counted; the edges are where the server stood when the account was told."""
    here.start()
    alice = clients(ALICE)
    streaming = threading.Thread(target=alice.ask, args=("/stream/60/500/100", 300))  # six seconds
    streaming.start()
    until(lambda: bool(server.connections) and server.connections[0].sent_bytes > 5000)
    at_pause = server.connections[0].sent_bytes
    says(here, ALICE, "pause")
    told_private = server.connections[0].sent_bytes
    until(lambda: server.connections[0].sent_bytes > told_private + 5000)
    at_resume = server.connections[0].sent_bytes
    says(here, ALICE, "resume")
    told_observed = server.connections[0].sent_bytes
    streaming.join(30)
    alice.close()
    server.wait_closed(1)
    total = server.connections[0].sent_bytes
    assert total - told_observed > 2000

    least = at_pause + total - told_observed
    most = told_private + total - at_resume
    until(
        lambda: least <= in_ledger(here).get(str(ALICE), (0, 0))[1] <= most, why=lambda: (least, most, in_ledger(here))
    )


def test_another_account_is_observed_on_and_neither_sees_nor_changes_the_first(
    here: Installation, server: TlsServer, clients: Callable[[int], Client]
) -> None:
    here.start()
    alice, bob = clients(ALICE), clients(BOB)
    alice.ask("/bytes/5000", 300)
    bob.ask("/bytes/600", 20)
    before = served(server, 0, 1)
    served(server, 1, 1)
    # Both have to have been seen: an account that was not is none to be observed.
    until(lambda: len(in_ledger(here)) == 2, why=lambda: here.log("agent"))

    says(here, ALICE, "add", "daily 00:00-24:00")
    assert attached(here) == {"toktra"}
    alice.ask("/bytes/777777", 70_000)
    bob.ask("/bytes/9000", 20)
    within = served(server, 0, 2)
    served(server, 1, 2)

    of_bob = json.loads(says(here, BOB, "show", "--json"))
    assert (of_bob["state"], of_bob["windows"]) == ("observed", [])
    assert json.loads(says(here, 0, "show", "--json"))["windows"] == []  # root is an account like any other
    refused = privacy_hours(here, BOB, "remove", "daily 00:00-24:00")
    assert (refused.returncode, "not a window of yours" in refused.stderr) == (2, True)
    says(here, BOB, "remove", "--all")
    says(here, BOB, "resume")
    assert json.loads(says(here, ALICE, "show", "--json"))["state"] == "private"
    with pytest.raises(AgentRefused, match="Mars/Olympus"):  # which the command would not have let through
        ask(here.data / "agent" / "control.socket", Add(windows=(parse_window("sat"),), zone="Mars/Olympus"))

    says(here, ALICE, "remove", "daily 00:00-24:00")
    alice.ask("/bytes/100", 2000)
    alice.close()
    bob.close()
    server.wait_closed(2)
    after, bobs = served(server, 0, 3), served(server, 1, 2)
    arrives(
        here,
        {
            str(ALICE): (before[0] + after[0] - within[0], before[1] + after[1] - within[1]),
            str(BOB): bobs,
        },
    )


CLOCK = Path(__file__).parents[1] / "lab" / "clock"


def clock_at(here: Installation, shows: datetime) -> Callable[[], datetime]:
    """From the next start of this installation on its clock shows this time; and what it shows later."""
    ahead = shows - datetime.now(UTC)
    here.environment = {"PYTHONPATH": str(CLOCK), "TOKTRA_TEST_AHEAD": str(ahead.total_seconds())}
    return lambda: datetime.now(UTC) + ahead


@pytest.mark.timeout(300)  # it waits for the next minute, and starts twice
def test_a_window_begins_by_the_clock_and_ends_by_it_and_the_bytes_between_are_nobodys(
    here: Installation, server: TlsServer, clients: Callable[[int], Client]
) -> None:
    """The clock is set only while nothing runs, so that neither edge is far away."""
    now = clock_at(here, datetime.now(UTC).replace(second=35) + timedelta(minutes=1))
    here.start()
    begins = (now() + timedelta(seconds=6)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    ends = begins + timedelta(minutes=3)
    says(here, CAROL, "add", f"daily {begins:%H:%M}-{ends:%H:%M}", "--zone", "UTC")
    carol = clients(CAROL)
    carol.ask("/bytes/5000", 300)
    before = served(server, 0, 1)

    becomes(here, "private")
    assert begins - timedelta(seconds=1) < now() < ends
    carol.ask("/bytes/777777", 70_000)
    carol.close()
    here.stop()
    now = clock_at(here, ends - timedelta(seconds=25))
    here.start()
    says(here, CAROL, "confirm-clock")  # which was noticed to have been set, and was doubted
    if state(here) == "private":  # the machine was not too busy to be on time
        clients(CAROL).ask("/bytes/666666", 70_000)

    becomes(here, "observed")
    assert now() >= ends
    carol = clients(CAROL)
    carol.ask("/bytes/9000", 1000)
    carol.close()
    server.wait_closed(2)
    after = served(server, len(server.connections) - 1, 1)
    recorded = (before[0] + after[0], before[1] + after[1])
    until(lambda: in_ledger(here).get(str(CAROL)) == recorded, why=lambda: (in_ledger(here), recorded))


def test_what_was_recorded_before_waits_and_a_restart_stays_private(
    here: Installation, server: TlsServer, clients: Callable[[int], Client]
) -> None:
    here.start()
    alice = clients(ALICE)
    alice.ask("/bytes/5000", 300)
    before = served(server, 0, 1)
    says(here, ALICE, "pause", "--for", "30m")
    sent = in_ledger(here)
    here.stop()
    here.start()

    assert attached(here) == {"rest"}
    answer = json.loads(says(here, ALICE, "show", "--json"))
    assert (answer["state"], answer["paused"]) == ("private", True)
    alice.ask("/bytes/777777", 70_000)
    alice.close()
    assert in_ledger(here) == sent == {}

    says(here, ALICE, "resume")
    arrives(here, {str(ALICE): before})

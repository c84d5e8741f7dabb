"""The process that polls has no right left, and needs none."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.lab.holding import AGENT_UID, HOLDER, Holder
from tests.lab.lab import Lab

pytestmark = pytest.mark.kernel

UID = 40_431


def test_without_any_right_exchanges_are_still_yielded(lab: Lab, domain: str, holder: Holder) -> None:
    rights = holder.ask("rights")
    assert rights == {
        "effective": [],
        "permitted": [],
        "inheritable": [],
        "bounding": [],
        "ambient": [],
        "no_new_privileges": True,
    }
    status = Path(f"/proc/{holder.process.pid}/status").read_text("ascii")
    assert f"Uid:\t{AGENT_UID}\t{AGENT_UID}\t{AGENT_UID}\t{AGENT_UID}" in status
    assert "Groups:\t \n" in status
    assert "Seccomp:\t2\n" in status
    with lab.serve(f"api.{domain}") as server:
        lab.curl(f"https://api.{domain}/bytes/9000", "-o", "/dev/null", uid=UID)
        (served,) = server.wait_closed(1)
    (exchange,) = holder.until(1)
    assert exchange["uid"] == UID
    assert exchange["response_bytes"] == served.sent_bytes
    assert exchange["request_bytes"] + exchange["control_bytes"] == served.received_bytes


def test_privacy_hours_work_without_any_right(lab: Lab, domain: str, holder: Holder) -> None:
    with lab.serve(f"api.{domain}") as server:
        assert holder.ask("pause") == 0
        before = holder.ask("status")
        assert before["watching"] is False
        lab.curl(f"https://api.{domain}/bytes/9000", "-o", "/dev/null")
        assert holder.ask("poll 0.3") == []
        assert holder.ask("status")["connections"] == before["connections"], "nothing was even counted"
        holder.ask("resume")
        lab.curl(f"https://api.{domain}/bytes/3000", "-o", "/dev/null")
        served = server.wait_closed(2)[1]
    (exchange,) = holder.until(1)
    assert exchange["response_bytes"] == served.sent_bytes


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL])
def test_traffic_flows_whatever_becomes_of_the_agent(
    lab: Lab, domain: str, holder: Holder, fate: signal.Signals
) -> None:
    holder.process.send_signal(fate)
    with lab.serve(f"api.{domain}") as server:
        for _ in range(20):
            lab.curl(f"https://api.{domain}/bytes/20000", "-o", "/dev/null")
        assert len(server.wait_closed(20)) == 20


def test_a_frozen_agent_catches_up_with_exact_numbers(lab: Lab, domain: str, holder: Holder) -> None:
    holder.process.send_signal(signal.SIGSTOP)
    with lab.serve(f"api.{domain}") as server:
        for size in (1000, 2000, 3000):
            lab.curl(f"https://api.{domain}/bytes/{size}", "-o", "/dev/null")
        served = server.wait_closed(3)
    holder.process.send_signal(signal.SIGCONT)
    observed = holder.until(3)
    assert [one["response_bytes"] for one in observed] == [one.sent_bytes for one in served]
    assert holder.ask("status")["missed"] == {}


def test_without_rights_the_sentence_holds_the_remedy() -> None:
    if os.geteuid() != 0:
        pytest.skip("giving up root takes root")
    refused = Holder("api.example.test", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    refused.end()
    assert refused.first["error"] == "NoRights"
    assert "sudo" in refused.first["sentence"]
    assert str(HOLDER) in refused.first["sentence"]

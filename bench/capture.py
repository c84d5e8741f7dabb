"""CPU seconds and memory of watching live traffic, beside the peers that are installed, doing the same jobs in one run.

Two namespaces with a TLS server; jobs: a large download from a provider host, the same from another host, and many
short connections. `python -m bench.capture [MEGABYTES [CONNECTIONS]]` prints JSON; needs root.
Peers: dumpcap, tshark (fields of every hello), ndpiReader and picosnitch where they are installed; nfstream and
pydivert where NFSTREAM_PYTHON and PYDIVERT_PYTHON name a Python that has them. What is missing says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack
from typing import Final

from bench.peers import live_peers
from tests.lab.conversation import client_hello
from tests.lab.holding import Holder
from tests.lab.lab import SERVER_4, Lab, why_not

from toktra.agent.capture.linux import bpf

PROVIDER: Final = "api.bench.test"
OTHER: Final = "other.bench.test"
_STATS_RUN_TIME: Final = 0
_BPF_ENABLE_STATS: Final = 32


def measure(megabytes: int = 1000, connections: int = 2000) -> dict[str, object]:
    """For every watcher and job: CPU seconds (children included) and largest resident size in MB; or why not."""
    if reason := why_not():
        return {"skipped": reason}
    with Lab() as lab:
        jobs: dict[str, Callable[[], None]] = {
            f"{megabytes} MB over TLS to a provider": lambda: _download(lab, PROVIDER, megabytes),
            f"{megabytes} MB over TLS to another host": lambda: _download(lab, OTHER, megabytes),
            f"{connections} short connections": lambda: _short_connections(lab, connections),
        }
        found: dict[str, object] = {"toktra": {job: _with_toktra(work) for job, work in jobs.items()}}
        for name, peer in live_peers("out", lab.directory).items():
            if isinstance(peer, str):
                found[name] = {"skipped": peer}
            else:
                found[name] = {job: _with_peer(lab, peer, work) for job, work in jobs.items()}
        return found


def _download(lab: Lab, host: str, megabytes: int) -> None:
    with lab.serve(PROVIDER, OTHER) as server:
        lab.curl(f"https://{host}/stream/{megabytes}/1000000/0", "--http1.1", "-o", "/dev/null", timeout_s=300)
        server.wait_closed(1, 60)


def _short_connections(lab: Lab, count: int) -> None:
    """Hellos to a host that is no provider, as nearly all of a machine's connections are; one after another."""
    listener = lab.listen(SERVER_4, 443)

    def accept() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    lab.program("many_hellos", SERVER_4, "443", client_hello(OTHER).hex(), str(count), "1", timeout_s=120)
    listener.shutdown(2)
    thread.join()
    listener.close()


def _with_toktra(work: Callable[[], None]) -> dict[str, object]:
    holder = Holder(PROVIDER)
    with _kernel_time():
        holder.watch()
        before = _cpu_s(holder.process.pid)
        work()
        time.sleep(1.5)  # what is still to be told
        used = _cpu_s(holder.process.pid) - before
        kernel = _run_times()
    holder.watched()
    status = holder.ask("status")
    memory = _resident_mb(holder.process.pid)
    holder.end()
    return {
        "cpu_s": round(used, 3),
        "resident_mb": memory,
        "in_kernel": kernel,
        "missed": sum(status["missed"].values()),
    }


def _with_peer(lab: Lab, command: list[str], work: Callable[[], None]) -> dict[str, object]:
    process = lab.start(*command)
    time.sleep(3)  # it is ready
    if process.poll() is not None:
        return {"skipped": f"it ended at once: {process.communicate()[1].decode(errors='replace').strip()[-200:]}"}
    before = _cpu_s(process.pid)
    work()
    time.sleep(2)
    used, memory = _cpu_s(process.pid) - before, _resident_mb(process.pid)
    for pid in reversed(_family(process.pid)):
        os.kill(pid, 15)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return {"cpu_s": round(used, 3), "resident_mb": memory}


@contextmanager
def _kernel_time() -> Iterator[None]:
    """While inside, the kernel takes the time of every run of every BPF program."""
    descriptor, _ = bpf.call(_BPF_ENABLE_STATS, pack("=I", _STATS_RUN_TIME))  # type: ignore[arg-type]
    try:
        yield
    finally:
        os.close(descriptor)


def _run_times() -> dict[str, dict[str, float]]:
    """Runs and ns a run of each of our programs, as bpftool tells them."""
    listed = subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True)
    runs: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for program in json.loads(listed.stdout):  # of every capture on this machine: the cost of a run is the same
        if program.get("name", "").startswith("toktra_"):
            runs[program["name"]] += program.get("run_cnt", 0)
            times[program["name"]] += program.get("run_time_ns", 0)
    return {name: {"runs": runs[name], "ns_a_run": round(times[name] / runs[name])} for name in runs if runs[name]}


def _family(pid: int) -> list[int]:
    """The process and everything it started."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        found += [int(child) for child in children.read_text("ascii").split()] if children.exists() else []
    return found


def _cpu_s(pid: int) -> float:
    """Seconds on a processor, to the nanosecond; of children that have ended, to the hundredth."""
    ended, running = 0, 0
    for one in _family(pid):
        ended += sum(map(int, Path(f"/proc/{one}/stat").read_text("ascii").rsplit(")", 1)[1].split()[13:15]))
        for thread in Path(f"/proc/{one}/task").iterdir():
            running += int((thread / "schedstat").read_text("ascii").split()[0])
    return running / 1e9 + ended / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> int:
    total = 0
    for one in _family(pid):
        for line in Path(f"/proc/{one}/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1])
    return round(total / 1024)


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=2))

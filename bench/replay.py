"""CPU seconds and memory for a capture of half a million packets, beside the peers that are installed.

The capture is the recorded scenarios again and again, each time from other addresses. `python -m bench.replay` prints
JSON.
Peers: tshark (two passes, names by its own reassembly) and ndpiReader where they are installed, nfstream where
NFSTREAM_PYTHON names a Python that has it. What is missing says so.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.peers import replay_peers

from toktra.agent.capture.pcap import read_packets

CAPTURES = Path(__file__).parents[1] / "tests" / "data" / "captures"
PACKETS = 500_000
ETHERNET = 1

OURS = """
import sys
from collections import deque
from pathlib import Path
from toktra.agent.capture.replay import connections, exchanges
from toktra.catalogue import load_catalogue
find = load_catalogue().find
source = connections(Path(sys.argv[1]), find) if sys.argv[2] == "connections" else exchanges(Path(sys.argv[1]), find)
deque(source, maxlen=0)
"""


def measure(packets: int = PACKETS) -> dict[str, object]:
    """CPU seconds (user and system, children included) and the largest resident size of each."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "large.pcap"
        count = write_large(file, packets)
        found: dict[str, object] = {"packets": count, "file_mb": round(file.stat().st_size / 1e6)}
        for what in ("connections", "exchanges"):
            found[f"toktra_{what}"] = _cost([sys.executable, "-c", OURS, str(file), what])
        for name, peer in replay_peers(file).items():
            found[name] = {"skipped": peer} if isinstance(peer, str) else _cost(peer)
        return found


def write_large(file: Path, packets: int) -> int:
    """Writes at least `packets` packets and tells how many."""
    frames = [
        (at, data, wire_bytes)
        for path in sorted(CAPTURES.glob("*.pcap"))
        for at, link_type, data, wire_bytes in read_packets(path)
        if link_type == ETHERNET
    ]
    count = round_ = 0
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
        while count < packets:
            network = bytes((11 + round_ // 250, round_ % 250))
            for at, data, wire_bytes in frames:
                if data[12:15] == b"\x08\x00\x45":
                    data = data[:26] + network + data[28:30] + network + data[32:]  # noqa: PLW2901
                seconds = int(at) + round_ * 7000
                out.write(struct.pack("<IIII", seconds, int(at % 1 * 1e6), len(data), wire_bytes) + data)
            count += len(frames)
            round_ += 1
    return count


def _cost(command: list[str]) -> dict[str, float]:
    """Run in a process of its own, so that its children's maximum is this command's alone."""
    watcher = (
        "import json, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]))\n"
    )
    done = subprocess.run([sys.executable, "-c", watcher, *command], check=True, capture_output=True, text=True)
    cpu_s, resident_kb = json.loads(done.stdout)
    return {"cpu_s": round(cpu_s, 2), "resident_mb": round(resident_kb / 1024)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

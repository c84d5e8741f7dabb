"""The tools that do a part of the same job, as commands where they are installed, else as the reason why not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

HELLO_NAMES: Final = ("-Y", "tls.handshake.type == 1", "-T", "fields", "-e", "tls.handshake.extensions_server_name")

_NFSTREAM: Final = """
import sys
from nfstream import NFStreamer
if __name__ == "__main__":
    for _ in NFStreamer(source=sys.argv[1], n_dissections=20, statistical_analysis=False, {timeouts}):
        pass
"""
_PYDIVERT: Final = """
import pydivert
with pydivert.Divert("tcp.DstPort == 443 or tcp.SrcPort == 443", flags=pydivert.Flag.SNIFF) as packets:
    for packet in packets:
        len(packet.payload)
"""

Peer = list[str] | str
"""A command, or why there is none."""


def live_peers(interface: str, directory: Path) -> dict[str, Peer]:
    """Tools that watch an interface, or the machine, until they are stopped."""
    return {
        "dumpcap": _tool("dumpcap", "-q", "-i", interface, "-w", str(directory / "dump.pcapng")),
        "tshark": _tool("tshark", "-l", "-q", "-i", interface, *HELLO_NAMES),
        "ndpiReader": _tool("ndpiReader", "-q", "-i", interface),
        "nfstream": _package(
            "NFSTREAM_PYTHON", _NFSTREAM.format(timeouts="idle_timeout=1, active_timeout=5"), interface
        ),
        "pydivert": _package("PYDIVERT_PYTHON", _PYDIVERT),
        "picosnitch": _picosnitch(),
    }


def replay_peers(file: Path) -> dict[str, Peer]:
    """Tools that read a capture file to its end. pydivert and picosnitch cannot."""
    return {
        "tshark_two_passes": _tool("tshark", "-2", "-r", str(file), *HELLO_NAMES),
        "ndpiReader": _tool("ndpiReader", "-q", "-i", str(file)),
        "nfstream": _package("NFSTREAM_PYTHON", _NFSTREAM.format(timeouts=""), str(file)),
    }


def _tool(name: str, *arguments: str) -> Peer:
    path = shutil.which(name)
    return [path, *arguments] if path else f"{name} is not installed"


def _picosnitch() -> Peer:
    """bcc compiles its program when it starts, against the headers of the running kernel."""
    places = Path("/lib/modules", os.uname().release, "build"), Path("/sys/kernel/kheaders.tar.xz")
    if not any(place.exists() for place in places):
        return f"picosnitch needs this kernel's headers, which are in neither of {places[0]} and {places[1]}"
    return _tool("picosnitch", "start-no-daemon")


def _package(variable: str, script: str, *arguments: str) -> Peer:
    python = os.environ.get(variable)
    return [python, "-c", script, *arguments] if python else f"{variable} names no Python that has it"

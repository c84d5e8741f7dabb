"""The loader: a process that lives for a moment, holds the three capabilities, and hands over what it loaded.

It gives up every other right first, loads and attaches the kernel program, passes the descriptors through a socket
and ends. The agent that polls never needs a right of its own. Run as `python -m toktra.agent.capture.linux.loader FD`.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

from toktra.agent.capture.linux.errors import CannotCapture
from toktra.agent.capture.linux.handover import send, send_error
from toktra.agent.capture.linux.privileges import Capability, keep_only
from toktra.agent.capture.linux.program import attach, load, root_cgroup

NEEDED: Final = frozenset({Capability.BPF, Capability.NET_ADMIN, Capability.PERFMON})


def main() -> None:
    """Loads, attaches, hands over, ends; or says why not."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        try:
            cgroup = root_cgroup()
            keep_only(NEEDED)
            send(connection, attach(load(), cgroup))
        except CannotCapture as error:
            send_error(connection, error)


if __name__ == "__main__":
    main()

"""How many connections to the watched ports are already open: their hello is past, so their host cannot be known.

Read once, when watching begins, from the kernel's own tables of every network namespace a process lives in (proc(5),
/proc/PID/net/tcp). Of each line only the remote port and the state are looked at; no address is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

_ESTABLISHED: Final = "01"
"""TCP_ESTABLISHED; also the state of a UDP socket that is connected, as QUIC clients' are."""
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")


def count_open(ports: Collection[int]) -> int:
    """Connections of this machine to one of these ports. What may not be read is passed over."""
    return sum(count_lines(table, ports) for table in _tables())


def count_lines(table: Iterable[str], ports: Collection[int]) -> int:
    """The lines of one table that are a client's connection to one of these ports.

    A line: number, local address:port, remote address:port, state, … all in hex. A server's own ends have the port on
    the local side, and a connection over the loopback is in the table twice, once from each end.
    """
    count = 0
    for line in table:
        fields = line.split(maxsplit=4)
        if len(fields) < 4 or fields[3] != _ESTABLISHED:
            continue
        count += int(fields[2].rpartition(":")[2], 16) in ports
    return count


def _tables() -> Iterator[list[str]]:
    for net in _namespaces():
        for name in _TABLES:
            try:
                yield (net / name).read_text("ascii").splitlines()[1:]
            except OSError:  # no IPv6, or the process has ended
                continue


def _namespaces() -> Iterator[Path]:
    """/proc/PID/net of one process in each network namespace; others' take the right to look at their processes."""
    seen: set[int] = set()
    for process in [Path("/proc/self"), *Path("/proc").glob("[0-9]*")]:
        try:
            number = (process / "ns" / "net").stat().st_ino
        except OSError:
            continue
        if number not in seen:
            seen.add(number)
            yield process / "net"

"""Ways to move bytes that counters get wrong: the 24 scenarios of picosnitch's public bench, under its numbers.

The code is our own. Each moves a known number of bytes to a host of its own; what cannot carry TLS or QUIC says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.lab.conversation import FINISHED, SERVER_FLIGHT, Sink, client_hello, records
from tests.lab.datagrams import DATAGRAM_BYTES, DatagramSink, client_initials
from tests.lab.lab import SERVER_4, SERVER_6, Lab, bind_udp, listen

MB: Final = 1_000_000
OTHER_PORT: Final = 44_443
LOOPBACK: Final = "127.0.0.1"
CONTAINER: Final = ("unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--cgroup")


@dataclass(frozen=True, slots=True)
class Counted:
    """Bytes the server's sockets received and sent."""

    received: int
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """Conversations over TCP; `way` is one of programs/converse.py, or "io_uring"."""

    up: int = 0
    down: int = 0
    way: str = "plain"
    address: str = SERVER_4
    conversations: int = 1
    inside: tuple[str, ...] = ()
    """A command that runs the client, such as unshare."""

    def run(self, lab: Lab, host: str) -> Counted:
        """What was moved."""
        hello = client_hello(host)
        request = lab.directory / "stress-request"
        request.write_bytes(records(self.up or 1))
        namespace = lab.client if self.address == LOOPBACK else lab.server
        listener = lab.in_namespace(namespace, lambda: listen(self.address, 443, multipath=self.way == "multipath"))
        response = len(records(self.down)) if self.down else 0
        parts = [self.address, "443", hello.hex(), FINISHED.hex(), str(len(SERVER_FLIGHT))]
        with Sink(
            listener,
            hello_bytes=len(hello),
            request_bytes=request.stat().st_size,
            response_bytes=self.down,
            conversations=self.conversations,
            full_duplex=self.way == "duplex",
        ) as sink:
            if self.way == "io_uring":
                lab.program("converse_uring", *parts, str(request), str(response), inside=self.inside)
            else:
                lab.program("converse", *parts, self.way, str(request), str(response), inside=self.inside)
            counted = sink.counted.wait()
        return Counted(counted.received_bytes, counted.sent_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Udp:
    """Datagrams behind a real QUIC hello; `way` is one of programs/datagrams.py."""

    up: int = 0
    down: int = 0
    way: str = "plain"
    address: str = SERVER_4
    port: int = 443

    def run(self, lab: Lab, host: str) -> Counted:
        """What was moved."""
        initials = ",".join(initial.hex() for initial in client_initials(host))
        bound = lab.in_namespace(lab.server, lambda: bind_udp(self.address, self.port))
        with DatagramSink(bound) as sink:
            datagrams = [str(count // DATAGRAM_BYTES) for count in (self.up, self.down)]
            lab.program("datagrams", self.address, str(self.port), initials, self.way, *datagrams)
        return Counted(sink.received_bytes, sink.sent_bytes)


@dataclass(frozen=True, slots=True)
class Left:
    """A scenario that is none of ours."""

    why: str


@dataclass(frozen=True, slots=True)
class Stressor:
    """One scenario of the bench."""

    number: str
    name: str
    work: Tcp | Udp | Left


STRESSORS: Final = (
    Stressor("s01", "TCP download", Tcp(down=8 * MB)),
    Stressor("s02", "TCP upload", Tcp(up=8 * MB)),
    Stressor("s03", "TCP both ways at once", Tcp(up=6 * MB, down=6 * MB, way="duplex")),
    Stressor("s04", "UDP both ways, another port", Udp(up=3 * MB, down=3 * MB, port=OTHER_PORT)),
    Stressor("s05", "ICMP echo", Left("carries no TLS or QUIC")),
    Stressor("s06", "UDP on port 443", Udp(up=6 * MB, way="connected")),
    Stressor("s07", "TCP over IPv6", Tcp(down=6 * MB, address=SERVER_6)),
    Stressor("s08", "SCTP", Left("carries no TLS or QUIC of any provider; no client speaks it")),
    Stressor(
        "s09", "small datagrams on port 53", Left("QUIC's first datagram has 1,200 bytes; port 53 is name resolution")
    ),
    Stressor("s10", "raw IP, protocol 253", Left("carries no TLS or QUIC")),
    Stressor("s11", "20 processes that live for one upload", Tcp(up=500_000, way="short-lived", conversations=20)),
    Stressor("s12", "frames written to AF_PACKET", Left("passes no socket; takes root: the blind spot of a root user")),
    Stressor("s13", "io_uring upload", Tcp(up=6 * MB, way="io_uring")),
    Stressor("s14", "sendfile upload", Tcp(up=8 * MB, way="sendfile")),
    Stressor("s15", "sendmmsg, UDP", Udp(up=6 * MB, way="batched")),
    Stressor("s16", "loopback", Tcp(down=6 * MB, address=LOOPBACK)),
    Stressor("s17", "from a container's namespaces", Tcp(up=6 * MB, inside=CONTAINER)),
    Stressor("s18", "low and slow", Tcp(up=400_000, way="slow")),
    Stressor("s19", "60 small connections of one process", Tcp(up=65_000, way="many", conversations=60)),
    Stressor("s20", "30 processes at once", Tcp(up=250_000, way="at-once", conversations=30)),
    Stressor("s21", "io_uring download", Tcp(down=6 * MB, way="io_uring")),
    Stressor("s22", "splice download", Tcp(down=8 * MB, way="splice-receive")),
    Stressor("s23", "recvmmsg, UDP", Udp(down=6 * MB, way="batched")),
    Stressor("s24", "UDP over IPv6", Udp(down=6 * MB, address=SERVER_6)),
)
MORE: Final = (
    Stressor("t01", "MSG_ZEROCOPY upload", Tcp(up=6 * MB, way="zerocopy")),
    Stressor("t02", "splice upload", Tcp(up=6 * MB, way="splice")),
    Stressor("t03", "datagrams merged by UDP_SEGMENT and UDP_GRO", Udp(up=3 * MB, down=3 * MB, way="merged")),
)
"""Beyond that bench."""

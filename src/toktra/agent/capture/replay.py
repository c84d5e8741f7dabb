"""A capture file as a source: the connections in it, and the exchanges of known providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from toktra.agent.capture.connection import Connection
from toktra.agent.capture.flows import Flows
from toktra.agent.capture.link import LINK_TYPES, NAMES
from toktra.agent.capture.names import Hello
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.capture.pcap import CaptureError, DamagedCapture, TruncatedCapture, UnknownLinkType, read_packets

DEFAULT_PORTS: Final = frozenset({443})

FindProvider = Callable[[str], object | None]
"""Answers a provider for a host name, or None: `Catalogue.find`."""

T = TypeVar("T")


class SeenConnection(msgspec.Struct, frozen=True, omit_defaults=True):
    """One TCP connection or QUIC flow of a capture. Bytes are payload, each counted once, handshake included."""

    transport: str
    """ "tcp" or "quic"."""
    client: str
    """ "ip:port", IPv6 as "[ip]:port"."""
    server: str
    host: str | None
    """The name in the hello; None when there is none, or none that can be trusted."""
    request_bytes: int
    response_bytes: int
    exchanges: int
    hidden: str | None
    """ "ech" when `host` is only the outer name of Encrypted Client Hello."""
    opened_before: bool = False
    """It began before the capture: it has no host, and is counted from the first packet that was seen."""


def connections(path: Path, find_provider: FindProvider = lambda _: None) -> Iterator[SeenConnection]:
    """Every TCP connection and QUIC flow of the file, on every port, in the order in which they ended.

    A host that `find_provider` knows is never called hidden. Raises the errors of `read_packets`, and UnknownLinkType.
    """
    found: list[SeenConnection] = []

    def on_end(connection: Connection) -> None:
        answer = connection.answer
        hidden = isinstance(answer, Hello) and answer.hidden
        if hidden and connection.host is not None and find_provider(connection.host) is not None:
            hidden = False
        found.append(
            SeenConnection(
                transport=connection.transport.value,
                client=connection.client,
                server=connection.server,
                host=connection.host,
                request_bytes=connection.meter.sent_bytes,
                response_bytes=connection.meter.received_bytes,
                exchanges=connection.meter.exchanges,
                hidden="ech" if hidden else None,
                opened_before=connection.midstream,
            )
        )

    flows = Flows(ports=None, wanted=lambda _: True, on_exchange=lambda _connection, _exchange: None, on_end=on_end)
    return _run(path, flows, found)


def exchanges(
    path: Path, find_provider: FindProvider, ports: frozenset[int] = DEFAULT_PORTS
) -> Iterator[ObservedExchange]:
    """The exchanges with known providers, as a live capture on these ports would have told them.

    A connection that starts before the file, or goes to a host that `find_provider` does not know, is forgotten.
    Raises the errors of `read_packets`, and UnknownLinkType.
    """
    found: list[ObservedExchange] = []

    def wanted(connection: Connection) -> bool:
        return connection.host is not None and find_provider(connection.host) is not None

    def on_exchange(connection: Connection, exchange: Exchange) -> None:
        if connection.host is not None:
            found.append(ObservedExchange(provider_host=connection.host, uid=None, exchange=exchange))

    flows = Flows(ports=ports, wanted=wanted, on_exchange=on_exchange, on_end=lambda _: None)
    return _run(path, flows, found)


def _run(path: Path, flows: Flows, found: list[T]) -> Iterator[T]:
    """Drives the file's packets through `flows` and gives what appears in `found`, also when the file breaks off or has
    packets of an interface that is not read."""
    broken: CaptureError | None = None
    unknown_type: int | None = None
    known_type = -1
    ip_start = LINK_TYPES[1]
    take = flows.packet
    try:
        for at, link_type, data, wire_bytes in read_packets(path):
            if link_type != known_type:
                if link_type not in LINK_TYPES:
                    unknown_type = link_type
                    continue
                ip_start, known_type = LINK_TYPES[link_type], link_type
            ip = ip_start(data)
            if ip >= 0:
                take(at, data, ip, wire_bytes)
                if found:
                    yield from found
                    found.clear()
    except (TruncatedCapture, DamagedCapture) as error:
        broken = error
    flows.finish()
    yield from found
    if broken is not None:
        raise broken
    if unknown_type is not None:
        raise UnknownLinkType(
            f"{path} has packets of link type {unknown_type}, which were passed over. "
            f"Capture on an interface of one of these: {NAMES}."
        )

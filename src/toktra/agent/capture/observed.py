"""What a capture source yields, whether it watched the kernel or read a file: exchanges of known providers."""

from __future__ import annotations

from dataclasses import dataclass, field

MSS_BYTES = 1448
"""Payload of a full Ethernet segment with timestamps: the yardstick that makes counts independent of offload."""

EXCHANGE_SILENCE_S = 3.0
"""An exchange whose response has begun ends after this much silence."""


def segments(payload_bytes: int) -> int:
    """How many segments a data packet counts for: 1 for each started MSS_BYTES, whatever the link or offload merged."""
    return max(1, -(-payload_bytes // MSS_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response on one connection. Bytes are TCP or UDP payload, each counted once."""

    request_bytes: int
    """Client bytes up to the first response byte; the handshake's too when `first_on_connection`."""
    control_bytes: int
    """Client bytes after the first response byte: HTTP/2 and HTTP/3 acknowledgements, window updates, TLS close."""
    response_bytes: int
    segments_out: int
    """Client segments that belong to `request_bytes`."""
    segments_in: int
    first_on_connection: bool
    continued: bool
    """The rest of an exchange already reported after a silence; `request_bytes` is 0 and it is not counted again."""
    started_at: float
    """Seconds since 1970, UTC."""
    first_byte_at: float | None
    ended_at: float
    control_segments: int = 0
    """Client segments that belong to `control_bytes`."""
    begun_within: tuple[float, float] | None = field(default=None, compare=False)
    """Between which two moments it began, where that is not `started_at`: the rest of one, or several as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedExchange:
    """An exchange with the provider host it went to and the local user id that opened the connection."""

    provider_host: str
    uid: int | None
    """None when the source cannot know it, as in a replay."""
    exchange: Exchange

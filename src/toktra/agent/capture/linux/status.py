"""How capture is doing, in numbers only: no host, no address, no account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStatus:
    """Counts since the capture was opened."""

    connections: int
    """TCP connection attempts and QUIC flows begun on watched ports."""
    provider_connections: int
    opened_before: int = 0
    """Already open when watching began: their host cannot be known any more, so they are not counted."""
    forgotten: int
    """Named a host that is no provider; nothing about them is left anywhere."""
    hidden: int
    """Encrypted Client Hello: only an outer name is visible, which says nothing."""
    unnamed: int
    """No name: not TLS, no server name, a malformed hello, or closed before one was sent."""
    missed: Mapping[str, int] = field(default_factory=dict)
    """What was not counted and may have been a provider's, by cause; causes that never happened are left out."""
    watching: bool = True
    """False during Privacy Hours: the programs are out of their hooks."""
    degraded: str | None = None
    """What this kernel cannot do, None when it can do everything."""

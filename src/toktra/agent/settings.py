"""What can be set about an agent. Every option of `toktra agent run` is one of these, and an environment variable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """Settings of one agent process."""

    state: Path
    """The state directory."""
    ports: tuple[int, ...] = (443,)
    """Destination ports on which connections are looked at."""
    server: str | None = None
    """Where to upload to; None: the server the device enrolled with."""
    ca_file: Path | None = None
    """Certificate authorities to trust instead of the system's, in PEM."""
    account: str | None = None
    """The account to go on under when started as root; None: toktra where there is one, else nobody."""
    replay: Path | None = None
    """A capture file to read instead of watching this machine."""
    ending_now: bool = False
    """Moves the times of the capture file, so that its last exchange ends now."""

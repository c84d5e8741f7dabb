"""How the agent is doing, in a small file that everybody on the device may read: counts and times, no host, no user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path

import msgspec

from toktra.agent.durable_file import write_whole
from toktra.agent.uplink import Link


class State(Enum):
    """What the agent is doing."""

    RECORDING = "recording"
    REPLAYING = "replaying"
    """It reads a capture file."""
    STOPPED = "stopped"


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since capture began; see `capture.linux.status.CaptureStatus`.

    Whether it rests is left out: this file is everybody's, and when somebody is private is not.
    """

    connections: int
    provider_connections: int
    forgotten: int
    hidden: int
    unnamed: int
    missed: Mapping[str, int]
    opened_before: int = 0
    degraded: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The content of status.json."""

    state: State
    since: datetime
    """When `state` and `link` last changed."""
    pid: int
    agent_version: str
    server: str
    tenant: str
    device: str
    link: Link
    because: str
    """Why nothing is uploaded and what to do, empty when all is well."""
    last_upload_at: datetime | None
    recorded: int
    """Usage events since the agent started."""
    waiting: int
    dropped: int
    """Ever, because the spool was full."""
    refused: int
    """Ever, by the server for good; they are kept in the spool's table of refused events."""
    epoch: int
    capture: Capture | None
    """None for a capture file."""


def write_status(path: Path, status: Status) -> None:
    """Raises OSError."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(status), indent=2) + b"\n", mode=0o644)


def read_status(path: Path) -> Status | None:
    """None when there is none, or none that this version can read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None

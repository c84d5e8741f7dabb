"""What this device says about time: its two clocks, and the zone it is set to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone

LOCAL_TIME: Final = Path("/etc/localtime")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def clock_reader() -> Callable[[], Reading]:
    """Reads both clocks at once, whenever called. To be made before the agent loses sight of /proc."""
    boot = _BOOT_ID.read_bytes().decode().strip()

    def read() -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.clock_gettime(time.CLOCK_BOOTTIME), boot=boot)

    return read


class DeviceZone:
    """The zone this device is set to, whenever called; None when it cannot tell.

    It is the one /etc/localtime links to (localtime(5)). Without that file the system's clock shows UTC; a copy in its
    place has no name, and nobody could say which windows it means.
    """

    def __init__(self, local_time: Path = LOCAL_TIME) -> None:
        self._local_time = local_time
        self._target: str | None = None
        self._zone: ZoneInfo | None = None
        with suppress(UnknownZone):
            find_zone("Etc/Unknown")  # loads what a misspelt zone takes, while everything can still be loaded

    def __call__(self) -> ZoneInfo | None:
        try:
            target = os.readlink(self._local_time)  # noqa: PTH115 - a Path would lose what is written in the link
        except FileNotFoundError:
            target = "zoneinfo/Etc/UTC"
        except OSError:
            target = ""
        if target != self._target:
            self._target, self._zone = target, _named_in(target)
        return self._zone


def _named_in(target: str) -> ZoneInfo | None:
    try:
        return find_zone(target.rpartition("zoneinfo/")[2])
    except UnknownZone:
        return None

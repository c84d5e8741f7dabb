"""What this device says about time: its two clocks, and the zone it is set to."""

from __future__ import annotations

import os
import time
import zoneinfo
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone

LOCAL_TIME: Final = Path("/etc/localtime")
_LONGEST_ZONE_FILE: Final = 64 << 10
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def clock_reader() -> Callable[[], Reading]:
    """Reads both clocks at once, whenever called. To be made before the agent loses sight of /proc."""
    boot = _BOOT_ID.read_bytes().decode().strip()

    def read() -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.clock_gettime(time.CLOCK_BOOTTIME), boot=boot)

    return read


class DeviceZone:
    """The zone this device is set to, whenever called; None when it cannot tell.

    It is the one /etc/localtime links to (localtime(5)). Without that file the system's clock shows UTC. A copy in its
    place has no name: it is the zone whose file in the database is the same to the byte, and without such a one nobody
    could say which windows it means.
    """

    def __init__(self, local_time: Path = LOCAL_TIME) -> None:
        self._local_time = local_time
        self._target: object = None
        self._zone: ZoneInfo | None = None
        with suppress(UnknownZone):
            find_zone("Etc/Unknown")  # loads what a misspelt zone takes, while everything can still be loaded

    def __call__(self) -> ZoneInfo | None:
        target: object
        try:
            target = os.readlink(self._local_time)  # noqa: PTH115 - a Path would lose what is written in the link
        except FileNotFoundError:
            target = "zoneinfo/Etc/UTC"
        except OSError:
            target = self._copy()
        if target != self._target:
            self._target = target
            self._zone = _named_in(target) if isinstance(target, str) else _same_as(self._local_time)
        return self._zone

    def _copy(self) -> object:
        """What changes whenever the file does; None when there is none that can be read."""
        try:
            found = self._local_time.stat()
        except OSError:
            return ""
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _same_as(copy: Path) -> ZoneInfo | None:
    """The zone whose file is the same; of several names for it the first, and rather one of a place."""
    try:
        content = copy.read_bytes()
    except OSError:
        return None
    if len(content) > _LONGEST_ZONE_FILE:
        return None
    places = sorted(zoneinfo.available_timezones(), key=lambda name: ("/" not in name, name.startswith("Etc/"), name))
    for name in places:
        for directory in zoneinfo.TZPATH:
            with suppress(OSError, UnknownZone):
                path = Path(directory, name)
                if path.stat().st_size == len(content) and path.read_bytes() == content:
                    return find_zone(name)
    return None


def _named_in(target: str) -> ZoneInfo | None:
    try:
        return find_zone(target.rpartition("zoneinfo/")[2])
    except UnknownZone:
        return None

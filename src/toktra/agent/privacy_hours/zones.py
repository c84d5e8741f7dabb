"""Time zones by name, from the system's IANA database or, where there is none, from the package tzdata."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from zoneinfo import ZoneInfo

# Files beside the zones that are none: copies with leap seconds counted, and whatever zone this machine is set to.
_NOT_A_ZONE = re.compile(r"(right|posix)/.*|localtime|posixrules|Factory")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")


class UnknownZone(ValueError):
    """This device does not know the time zone."""

    def __init__(self, name: str) -> None:
        near = difflib.get_close_matches(name.title(), zoneinfo.available_timezones(), n=1)
        ask = f"did you mean {near[0]}?" if near else "write a name like Europe/Berlin"
        super().__init__(f"{name[:64]!r} is not a time zone this device knows; {ask}")
        self.name = name


def find_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name. Raises UnknownZone."""
    if not _NAME.fullmatch(name) or _NOT_A_ZONE.fullmatch(name):
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a directory
        raise UnknownZone(name) from None

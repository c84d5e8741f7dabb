"""Zones by name."""

from __future__ import annotations

import pytest

from toktra.agent.privacy_hours.zones import UnknownZone, find_zone


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+12", "Asia/Kathmandu"]
)
def test_a_zone_is_found_by_its_name(name: str) -> None:
    assert find_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Mars/Olympus",
        "Europe",
        "../etc/passwd",
        "/etc/localtime",
        "Europe/Berlin\x00",
        "CET+1",
        "localtime",
        "right/Europe/Berlin",
        "posix/Europe/Berlin",
        "Europe/Berlin/",
        "x" * 10_000,
    ],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone, match="not a time zone this device knows"):
        find_zone(name)


@pytest.mark.parametrize("typed", ["Europe/Belin", "europe/berlin", "EUROPE/BERLIN"])
def test_a_near_miss_is_answered_with_the_name_meant(typed: str) -> None:
    with pytest.raises(UnknownZone, match=r"did you mean Europe/Berlin\?"):
        find_zone(typed)

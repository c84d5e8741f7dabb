"""Whether what a server writes to is in the server's region: its database, mail relay and stores, by their names.

A host of Amazon's tells its region itself. Of any other host somebody has to say that it is in the region
(TOKTRA_IN_REGION); this machine is where the server is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from toktra.server.settings import InvalidSetting, ServerSettings

LOCAL: Final = "local"
"""The region of an installation that knows no regions: nothing is asked of its places."""
AMAZON_REGIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "us": ("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
        "eu": ("eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2"),
        "au": ("ap-southeast-2", "ap-southeast-4"),
        "ca": ("ca-central-1", "ca-west-1"),
    }
)
"""Which of Amazon's regions can belong to ours; the first does unless others are named (TOKTRA_AMAZON_REGIONS). London
and Zurich (eu-west-2, eu-central-2) are not in the European Union."""
_AMAZON_HOST: Final = re.compile(r"(?:^|[.-])([a-z]{2}(?:-[a-z]+)+-\d)\.(?:[a-z0-9-]+\.)*amazonaws\.com$")


class OutsideRegion(InvalidSetting):
    """Something would be written outside the server's region, or nobody said that it is inside."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is known to be in a server's region."""

    region: str
    amazon: frozenset[str]
    """Amazon's names of regions."""
    declared: frozenset[str]
    """Hosts of which somebody says so."""

    @classmethod
    def of(cls, settings: ServerSettings) -> Self:
        """Raises InvalidSetting."""
        possible = AMAZON_REGIONS.get(settings.region, ())
        named = _names(settings.amazon_regions)
        if wrong := named - set(possible):
            raise InvalidSetting(
                f"TOKTRA_AMAZON_REGIONS: {min(wrong)} cannot belong to the region {settings.region}. "
                f"Possible: {', '.join(possible) or 'none, as this installation knows no regions'}"
            )
        return cls(settings.region, named or frozenset(possible[:1]), _names(settings.in_region))


def check_places(settings: ServerSettings) -> None:
    """Before anything is connected to. Raises OutsideRegion naming the setting and the remedy."""
    inside = Inside.of(settings)
    for setting, host in _hosts(settings):
        check_host(host, setting, inside)


def check_host(host: str, setting: str, inside: Inside) -> None:
    """Raises OutsideRegion unless `host` is surely in the region. `setting` is what named it, for the sentence."""
    host = host.lower().rstrip(".")
    if inside.region == LOCAL or _is_this_machine(host):
        return
    amazon = _AMAZON_HOST.search(host)
    if amazon:
        check_amazon_region(amazon[1], f"{setting} ({host})", inside)
    elif host not in inside.declared:
        raise OutsideRegion(
            f"{setting}: the name {host} does not tell in which region it is, and this server is for the region "
            f"{inside.region}. If it is there, say so: TOKTRA_IN_REGION={host}"
        )


def check_amazon_region(found: str, what: str, inside: Inside) -> None:
    """`found` is Amazon's name of a region. Raises OutsideRegion unless it is one of those inside."""
    if inside.region != LOCAL and found not in inside.amazon:
        raise OutsideRegion(
            f"{what} is in {found}, and this server is for the region {inside.region} "
            f"({', '.join(sorted(inside.amazon))}; TOKTRA_AMAZON_REGIONS). Nothing was written there."
        )


def check_bucket(location: str | None, bucket: str, inside: Inside, *, is_amazons: bool = True) -> None:
    """`location` is what GetBucketLocation answers: nothing for us-east-1. Raises OutsideRegion.

    A service that is not Amazon's may answer nothing as well; then its host's own place is all that is known.
    """
    if location or is_amazons:
        name = {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(location, location or "")
        check_amazon_region(name, f"the bucket {bucket}", inside)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


class Why(StrEnum):
    """Why a place is taken to be in the region."""

    THIS_MACHINE = "this-machine"
    AMAZON = "amazon"
    """Its name says in which of Amazon's regions it is."""
    DECLARED = "declared"
    """Somebody said so: TOKTRA_IN_REGION."""
    NOT_ASKED = "not-asked"
    """This installation knows no regions."""


@dataclass(frozen=True, slots=True)
class Known:
    """One place this server writes to."""

    setting: str
    host: str
    why: Why


def known_places(settings: ServerSettings) -> list[Known]:
    """Every place, each of which was checked when the server started, and by what it was known."""
    return [Known(setting, host, _why(host, settings.region)) for setting, host in _hosts(settings)]


def _why(host: str, region: str) -> Why:
    if _is_this_machine(host.lower()):
        return Why.THIS_MACHINE
    if region == LOCAL:
        return Why.NOT_ASKED
    return Why.AMAZON if _AMAZON_HOST.search(host.lower()) else Why.DECLARED


def addresses(settings: ServerSettings) -> Mapping[str, str]:
    """Each region's address. Raises InvalidSetting."""
    found: dict[str, str] = {}
    for entry in settings.region_addresses.replace(",", " ").split():
        region, _, address = entry.partition("=")
        parts = urlsplit(address)
        if region not in AMAZON_REGIONS or parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise InvalidSetting(
                f"TOKTRA_REGION_ADDRESSES: {entry} is not of the form eu=https://eu.ai.example.org "
                f"(regions: {', '.join(AMAZON_REGIONS)})"
            )
        if parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise InvalidSetting(f"TOKTRA_REGION_ADDRESSES: {entry} would send people on unencrypted; use https://")
        found[region] = address
    return MappingProxyType(found)


def _hosts(settings: ServerSettings) -> Iterator[tuple[str, str]]:
    for name in ("database_url", "owner_database_url", "privacy_database_url"):
        url = getattr(settings, name)
        for host in str(conninfo_to_dict(url).get("host") or "").split(",") if url else ():
            yield f"TOKTRA_{name.upper()}", host
    if settings.mail_relay is not None:
        yield "TOKTRA_MAIL_RELAY", settings.mail_relay
    if settings.otlp_endpoint is not None:
        yield "TOKTRA_OTLP_ENDPOINT", urlsplit(settings.otlp_endpoint).hostname or ""


def _is_this_machine(host: str) -> bool:
    """A socket's directory, or a name or address that is this machine by definition."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

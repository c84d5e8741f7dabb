"""Which law gives people of a place their rights. Places are written as ISO 3166 does: DE, DE-BY, GB, US-CA. Pure."""

from __future__ import annotations

import re
from typing import Final

from toktra.compliance.deadlines import Regulation

_PLACE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")

_EEA: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT"}
    | {"LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""The Union, and Iceland, Liechtenstein and Norway (EEA Joint Committee Decision 154/2018)."""


class UnknownPlace(ValueError):
    """This is no place as ISO 3166 writes it."""


def place(text: str) -> str | None:
    """A place as it is kept; None for an empty text. Raises UnknownPlace."""
    said = text.strip().upper().replace("_", "-")
    if not said:
        return None
    if not _PLACE.fullmatch(said):
        raise UnknownPlace(said)
    return said


def regulation_in(place: str) -> Regulation | None:
    """The law of a place; None where no law that this program knows gives people these rights."""
    country, _, _part = place.partition("-")
    if country in _EEA:
        return Regulation.GDPR
    if country == "GB":
        return Regulation.UK_GDPR
    return Regulation.CCPA if place == "US-CA" else None

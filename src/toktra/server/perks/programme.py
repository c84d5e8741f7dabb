"""What an organisation offers: whether the programme is on, its tiers, and who is invited to which."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from toktra.server.web.language import _
from toktra.wire.personal import MOST_TICKETS_A_MONTH, MOST_TIERS

LEAST_TOKENS: Final = 100
MOST_TOKENS: Final = 1_000_000_000
MOST_NAME: Final = 60


class InvalidTier(ValueError):
    """A tier cannot be offered like this. `errors` has a sentence for each field at fault; nothing was changed."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What one person gets in a month."""

    tier: str
    """Its name on the wire: a to z, digits and hyphens."""
    name: str
    """As people read it."""
    tokens_per_ticket: int
    tickets: int
    """Of one person in one month."""

    @property
    def tokens(self) -> int:
        """What a month's tickets stand for."""
        return self.tokens_per_ticket * self.tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A department, one person, or, with neither, everybody."""

    invitation_id: UUID
    tier: str
    tier_name: str
    department: str | None
    person_id: UUID | None
    display_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """All that is offered."""

    programme: UUID | None
    """Drawn at random; None: it was never switched on."""
    is_on: bool
    tiers: tuple[Tier, ...]
    invitations: tuple[Invitation, ...]


def read_tier(fields: Mapping[str, str]) -> Tier:
    """A tier from a form. Raises InvalidTier naming every field at fault."""
    errors: dict[str, str] = {}
    name = " ".join(fields.get("name", "").split())
    tier = _on_the_wire(name)
    if not tier or len(name) > MOST_NAME:
        errors["name"] = _("A tier needs a name of 1 to %(most)s characters with a letter from a to z in it.") % {
            "most": MOST_NAME
        }
    tokens = _number(fields.get("tokens_per_ticket", ""))
    if tokens is None or not LEAST_TOKENS <= tokens <= MOST_TOKENS:
        errors["tokens_per_ticket"] = _("Tokens per ticket is a whole number from 100 to 1 000 000 000.")
    tickets = _number(fields.get("tickets", ""))
    if tickets is None or not 1 <= tickets <= MOST_TICKETS_A_MONTH:
        errors["tickets"] = _("Tickets per month is a whole number from 1 to %(most)s.") % {
            "most": MOST_TICKETS_A_MONTH
        }
    if errors or tokens is None or tickets is None:
        raise InvalidTier(errors)
    return Tier(tier=tier, name=name, tokens_per_ticket=tokens, tickets=tickets)


def check_room_for(tier: Tier, offered: tuple[Tier, ...]) -> None:
    """Raises InvalidTier when there would be more tiers than a programme can have."""
    others = [one for one in offered if one.tier != tier.tier]
    if len(others) >= MOST_TIERS:
        raise InvalidTier({"name": _("A programme has %(most)s tiers at most. End one first.") % {"most": MOST_TIERS}})


def _on_the_wire(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")


def _number(text: str) -> int | None:
    digits = re.sub(r"[\s\u00a0\u202f]", "", text)
    return int(digits) if re.fullmatch(r"[0-9]{1,12}", digits) else None

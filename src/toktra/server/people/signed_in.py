"""Who is asking, and what roles are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from toktra.server.audit.service import Actor
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role
from toktra.server.web.language import _

SAMPLE_SLUG: Final = "sample"
DEMO_SLUG: Final = "demo"
"""The organisation that holds the bundled sample and nothing else."""

_ROLE_WORDS: Final = {
    Role.OWNER: _("Owner"),
    Role.ADMINISTRATOR: _("Administration"),
    Role.FINANCE: _("Finance"),
    Role.PRIVACY_OFFICER: _("Privacy office"),
    Role.AUDITOR: _("Audit"),
    Role.EMPLOYEE: _("Employee"),
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, as their session says."""

    tenant: Tenant
    person_id: UUID
    display_name: str
    role: Role
    session_id: UUID | None = None
    """The session's name in lists; it opens nothing."""
    is_fresh: bool = False
    """Whether they proved within the last minutes who they are, as whatever is sensitive asks for."""
    new_token: Token | None = field(default=None, repr=False)
    """What the browser must hold from now on: the person's role has changed since it got its token."""
    program: str | None = None
    """The name of the program that asks for them by the public API; None for the person in a browser."""

    @property
    def role_word(self) -> str:
        return role_word(self.role)

    @property
    def actor(self) -> Actor:
        """As whom the audit trail names them."""
        if self.program is not None:
            return Actor.program(self.person_id, self.role, self.program)
        return Actor.person(self.person_id, self.role)

    @property
    def sees_sample(self) -> bool:
        """Whether all figures are of the bundled sample or invented, which every page with figures must say."""
        return self.tenant.slug in (SAMPLE_SLUG, DEMO_SLUG)


def role_word(role: Role) -> str:
    """A role as people read it."""
    return _ROLE_WORDS[role]

"""The places of the site, each with the action that opens it; a reader is offered only what they may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toktra.server.web.access import Action, Role, may
from toktra.server.web.language import _


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the navigation."""

    href: str
    icon: str
    label: str
    action: Action


GROUPS: Final[tuple[tuple[str, tuple[Place, ...]], ...]] = (
    (
        "",
        (
            Place("/", "overview", _("Overview"), Action.READ_OVERVIEW),
            Place("/usage", "usage", _("Usage"), Action.READ_USAGE),
            Place("/cost", "tally", _("Cost"), Action.READ_COST),
            Place("/statements", "doc", _("Statements"), Action.READ_STATEMENTS),
            Place("/budgets", "level", _("Budgets"), Action.READ_BUDGETS),
            Place("/token-perks", "key", _("Token Perks"), Action.READ_PERKS),
            Place("/devices", "device", _("Devices"), Action.READ_DEVICES),
            Place("/people", "people", _("People"), Action.READ_PEOPLE),
            Place("/exports", "get", _("Exports"), Action.EXPORT_FIGURES),
        ),
    ),
    (
        _("Privacy office"),
        (
            Place("/privacy-office", "level", _("Privacy office"), Action.READ_PRIVACY_OFFICE),
            Place("/rights", "scales", _("Rights requests"), Action.READ_RIGHTS_REQUESTS),
            Place("/retention", "hourglass", _("Retention"), Action.READ_RETENTION),
            Place("/notices", "doc", _("Notices"), Action.READ_NOTICES),
            Place("/attribution", "people", _("Attribution"), Action.READ_ATTRIBUTION),
            Place("/works-agreement", "pause", _("Works agreement"), Action.READ_WORKS_AGREEMENT),
            Place("/audit", "log", _("Audit trail"), Action.READ_AUDIT),
        ),
    ),
    (
        _("Settings"),
        (
            Place("/prices", "doc", _("Prices and assumptions"), Action.READ_COST),
            Place("/reconciliation", "level", _("Reconciliation"), Action.READ_RECONCILIATION),
            Place("/settings/sign-in", "key", _("Sign-in"), Action.CHANGE_SSO),
            Place("/webhooks", "get", _("Webhooks"), Action.MANAGE_WEBHOOKS),
            Place("/settings/api", "key", _("API access"), Action.MANAGE_API_CLIENTS),
        ),
    ),
    (
        _("You"),
        (
            Place("/me", "usage", _("My usage"), Action.READ_OWN_PAGES),
            Place("/what-is-collected", "doc", _("Data we keep"), Action.READ_WHAT_IS_COLLECTED),
        ),
    ),
)
"""In the order of the navigation; the first group needs no name."""


def groups_for(role: Role) -> list[tuple[str, list[Place]]]:
    """What this role may open, group by group; a group of which it may open nothing is left out."""
    groups = [(label, [place for place in places if may(role, place.action)]) for label, places in GROUPS]
    return [(label, places) for label, places in groups if places]


def places_for(role: Role) -> list[Place]:
    """What this role may open, in the order of the navigation."""
    return [place for _label, places in groups_for(role) for place in places]

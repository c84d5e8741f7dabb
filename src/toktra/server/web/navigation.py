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


PLACES: Final = (
    Place("/", "overview", _("Overview"), Action.READ_OVERVIEW),
    Place("/usage", "usage", _("Usage"), Action.READ_USAGE),
    Place("/cost", "tally", _("Cost"), Action.READ_COST),
    Place("/prices", "doc", _("Prices and assumptions"), Action.READ_COST),
    Place("/reconciliation", "level", _("Reconciliation"), Action.READ_RECONCILIATION),
    Place("/attribution", "people", _("Attribution"), Action.READ_ATTRIBUTION),
    Place("/rights", "scales", _("Rights requests"), Action.READ_RIGHTS_REQUESTS),
    Place("/retention", "hourglass", _("Retention"), Action.READ_RETENTION),
    Place("/notices", "doc", _("Notices"), Action.READ_NOTICES),
    Place("/exports", "get", _("Exports"), Action.EXPORT_FIGURES),
    Place("/exports", "get", _("Exports"), Action.EXPORT_FIGURES),
    Place("/audit", "log", _("Audit trail"), Action.READ_AUDIT),
    Place("/works-agreement", "pause", _("Works agreement"), Action.READ_WORKS_AGREEMENT),
    Place("/me", "usage", _("My usage"), Action.READ_OWN_PAGES),
    Place("/devices", "device", _("Devices"), Action.READ_DEVICES),
    Place("/people", "people", _("People"), Action.READ_PEOPLE),
    Place("/settings/sign-in", "key", _("Sign-in"), Action.CHANGE_SSO),
    Place("/what-is-collected", "doc", _("Data we keep"), Action.READ_WHAT_IS_COLLECTED),
)


def places_for(role: Role) -> list[Place]:
    """What this role may open, in the order of the navigation."""
    return [place for place in PLACES if may(role, place.action)]

"""What a program can be allowed, scope by scope, and which of the site's actions each stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from toktra.server.web.access import Action, Role, may
from toktra.server.web.language import _


class Scope(StrEnum):
    """As stored, in tokens, and in the OpenAPI document."""

    USAGE_READ = "usage:read"
    COSTS_READ = "costs:read"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    PROVIDERS_READ = "providers:read"
    PEOPLE_READ = "people:read"
    PEOPLE_USAGE = "people:usage"
    DEVICES_READ = "devices:read"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    AUDIT_READ = "audit:read"
    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"


STANDS_FOR: Final[Mapping[Scope, Action]] = MappingProxyType(
    {
        Scope.USAGE_READ: Action.READ_USAGE,
        Scope.COSTS_READ: Action.READ_COST,
        Scope.BUDGETS_READ: Action.READ_BUDGETS,
        Scope.BUDGETS_WRITE: Action.CHANGE_BUDGETS,
        Scope.PROVIDERS_READ: Action.READ_COST,
        Scope.PEOPLE_READ: Action.READ_PEOPLE,
        Scope.PEOPLE_USAGE: Action.OPEN_USAGE_OF_PERSON,
        Scope.DEVICES_READ: Action.READ_DEVICES,
        Scope.EXPORTS_READ: Action.EXPORT_FIGURES,
        Scope.EXPORTS_WRITE: Action.MANAGE_EXPORT_SCHEDULES,
        Scope.AUDIT_READ: Action.READ_AUDIT,
        Scope.REQUESTS_READ: Action.READ_RIGHTS_REQUESTS,
        Scope.REQUESTS_WRITE: Action.DECIDE_RIGHTS_REQUESTS,
    }
)

WORDS: Final[Mapping[Scope, str]] = MappingProxyType(
    {
        Scope.USAGE_READ: _("Read usage of the organisation, by provider, kind, host and department"),
        Scope.COSTS_READ: _("Read what use costs"),
        Scope.BUDGETS_READ: _("Read budgets and how they stand"),
        Scope.BUDGETS_WRITE: _("Make, change and end budgets"),
        Scope.PROVIDERS_READ: _("Read the catalogue of providers and the prices in force"),
        Scope.PEOPLE_READ: _("Read the directory of people"),
        Scope.PEOPLE_USAGE: _("Open the figures of one named person, each time with a reason that they read"),
        Scope.DEVICES_READ: _("Read which devices are enrolled"),
        Scope.EXPORTS_READ: _("Take exports as files, and read which are sent by themselves"),
        Scope.EXPORTS_WRITE: _("Set up, change, pause and end scheduled exports, and have them sent again"),
        Scope.AUDIT_READ: _("Read the audit trail"),
        Scope.REQUESTS_READ: _("Read rights requests and by when they are due; not what a copy holds"),
        Scope.REQUESTS_WRITE: _("Record rights requests on behalf of those who asked"),
    }
)


def scopes_of(role: Role) -> list[Scope]:
    """What a person of this role can let a program do, in the order of the list."""
    return [scope for scope in Scope if may(role, STANDS_FOR[scope])]


def in_force(stored: Iterable[str], role: Role) -> frozenset[Scope]:
    """What is left of a program's scopes in the role its person has now. Unknown names are nothing."""
    known = set(Scope)
    return frozenset(Scope(name) for name in stored if name in known) & frozenset(scopes_of(role))

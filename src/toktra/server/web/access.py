"""Who may do what: one table of roles and actions. Routes ask only it; what is not listed is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a person is to their organisation, as stored; a visitor is someone who has not signed in."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    FINANCE = "finance"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"
    EMPLOYEE = "employee"
    VISITOR = "visitor"


class Action(StrEnum):
    """Everything a route or a part of a page can be for: subject:verb."""

    FETCH_STATIC_FILE = "static-file:fetch"
    OPEN_SIGN_IN_LINK = "sign-in-link:open"
    START_SESSION = "session:start"
    CONFIRM_IDENTITY = "session:confirm"
    END_SESSION = "session:end"
    END_SESSIONS_OF_PERSON = "sessions-of-person:end"
    CHANGE_OWN_SIGN_IN = "own-sign-in:change"
    CHANGE_SSO = "sso:change"
    CHOOSE_LANGUAGE = "language:choose"
    READ_WHAT_IS_COLLECTED = "what-is-collected:read"
    READ_OVERVIEW = "overview:read"
    READ_USAGE = "usage:read"
    EXPORT_FIGURES = "figures:export"
    READ_EXPORT_SCHEDULES = "export-schedules:read"
    MANAGE_EXPORT_SCHEDULES = "export-schedules:manage"
    READ_LAST_EXCHANGES = "last-exchanges:read"
    READ_COST = "cost:read"
    CHANGE_ASSUMPTIONS = "assumptions:change"
    READ_STATEMENTS = "statements:read"
    CHANGE_COST_CENTRES = "cost-centres:change"
    READ_BUDGETS = "budgets:read"
    CHANGE_BUDGETS = "budgets:change"
    READ_PERSON_BUDGETS = "person-budgets:read"
    CHANGE_PERSON_BUDGETS = "person-budgets:change"
    READ_PERKS = "token-perks:read"
    CHANGE_PERKS = "token-perks:change"
    CHANGE_OWN_PERKS = "own-token-perks:change"
    MANAGE_WEBHOOKS = "webhooks:manage"
    READ_RECONCILIATION = "reconciliation:read"
    CONNECT_USAGE_API = "usage-api:connect"
    MANAGE_API_CLIENTS = "api-clients:manage"
    READ_OWN_PAGES = "own-pages:read"
    CHANGE_OWN_PRIVACY_HOURS = "own-privacy-hours:change"
    READ_WORKS_AGREEMENT = "works-agreement:read"
    CHANGE_WORKS_AGREEMENT = "works-agreement:change"
    DOWNLOAD_OWN_RECORDS = "own-records:download"
    ENROL_OWN_DEVICE = "own-device:enrol"
    OPEN_USAGE_OF_PERSON = "usage-of-person:open"
    READ_ATTRIBUTION = "attribution:read"
    RAISE_ATTRIBUTION = "attribution:raise"
    LOWER_ATTRIBUTION = "attribution:lower"
    ASK_FOR_RIGHTS_BY_MAIL = "rights-requests-by-mail:ask"
    MAKE_OWN_REQUESTS = "own-rights-requests:make"
    READ_PRIVACY_OFFICE = "privacy-office:read"
    READ_RIGHTS_REQUESTS = "rights-requests:read"
    DECIDE_RIGHTS_REQUESTS = "rights-requests:decide"
    READ_RETENTION = "retention:read"
    CHANGE_RETENTION = "retention:change"
    READ_NOTICES = "notices:read"
    PUBLISH_NOTICES = "notices:publish"
    READ_AUDIT = "audit:read"
    EXPORT_AUDIT = "audit:export"
    READ_PEOPLE = "people:read"
    CHANGE_PEOPLE = "people:change"
    CHANGE_ROLES = "roles:change"
    MANAGE_DIRECTORY_SYNC = "directory-sync:manage"
    READ_DEVICES = "devices:read"
    REVOKE_DEVICES = "devices:revoke"
    MANAGE_ENROLMENT_CODES = "enrolment-codes:manage"


ANYONE: Final = frozenset(Role)
SIGNED_IN: Final = ANYONE - {Role.VISITOR}

ALLOWED: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.FETCH_STATIC_FILE: ANYONE,
        Action.OPEN_SIGN_IN_LINK: ANYONE,
        Action.START_SESSION: ANYONE,
        Action.CONFIRM_IDENTITY: SIGNED_IN,
        Action.END_SESSION: ANYONE,
        Action.END_SESSIONS_OF_PERSON: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.CHANGE_OWN_SIGN_IN: SIGNED_IN,
        # Whoever says which provider is believed could sign in as anyone it names.
        Action.CHANGE_SSO: frozenset({Role.OWNER}),
        Action.CHOOSE_LANGUAGE: ANYONE,
        Action.READ_WHAT_IS_COLLECTED: SIGNED_IN,
        Action.READ_OVERVIEW: SIGNED_IN - {Role.EMPLOYEE},
        Action.READ_USAGE: SIGNED_IN - {Role.EMPLOYEE},
        Action.EXPORT_FIGURES: SIGNED_IN - {Role.EMPLOYEE},
        # Where figures go by themselves is for everyone who may take them; who sets it up answers for the keys.
        Action.READ_EXPORT_SCHEDULES: SIGNED_IN - {Role.EMPLOYEE},
        Action.MANAGE_EXPORT_SCHEDULES: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        # One line per use is closer to a person than any sum: not for finance, whose work is sums.
        Action.READ_LAST_EXCHANGES: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.READ_COST: SIGNED_IN - {Role.EMPLOYEE},
        Action.CHANGE_ASSUMPTIONS: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE}),
        # What one department is charged is between those who charge and those who pay.
        Action.READ_STATEMENTS: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE}),
        Action.CHANGE_COST_CENTRES: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE}),
        Action.READ_BUDGETS: SIGNED_IN - {Role.EMPLOYEE},
        Action.CHANGE_BUDGETS: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE}),
        # That somebody has a budget says something about them: not for finance, whose work is sums.
        Action.READ_PERSON_BUDGETS: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.CHANGE_PERSON_BUDGETS: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        # Settings and sums of months; who takes part is on no page.
        Action.READ_PERKS: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.CHANGE_PERKS: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.CHANGE_OWN_PERKS: SIGNED_IN,
        Action.MANAGE_WEBHOOKS: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.READ_RECONCILIATION: SIGNED_IN - {Role.EMPLOYEE},
        # An admin key opens more than usage: only for those who run the installation.
        Action.CONNECT_USAGE_API: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        # A program gets no more than its maker has; still, who lets programs in answers for them.
        Action.MANAGE_API_CLIENTS: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.READ_OWN_PAGES: SIGNED_IN,
        # There is no line for anybody else's Privacy Hours, and no page that takes a person.
        Action.CHANGE_OWN_PRIVACY_HOURS: SIGNED_IN,
        Action.READ_WORKS_AGREEMENT: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.CHANGE_WORKS_AGREEMENT: frozenset({Role.PRIVACY_OFFICER}),
        Action.DOWNLOAD_OWN_RECORDS: SIGNED_IN,
        Action.ENROL_OWN_DEVICE: SIGNED_IN,
        # Each time with a reason, which the person reads. Finance works with sums.
        Action.OPEN_USAGE_OF_PERSON: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.READ_ATTRIBUTION: SIGNED_IN - {Role.EMPLOYEE},
        # More about people only by who answers for them; less also by who answers for everything.
        Action.RAISE_ATTRIBUTION: frozenset({Role.PRIVACY_OFFICER}),
        Action.LOWER_ATTRIBUTION: frozenset({Role.OWNER, Role.PRIVACY_OFFICER}),
        # Whoever has no account has the rights as well; what a link opens, its own secret decides.
        Action.ASK_FOR_RIGHTS_BY_MAIL: ANYONE,
        Action.MAKE_OWN_REQUESTS: SIGNED_IN,
        Action.READ_PRIVACY_OFFICE: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        # Who asked for what says something about them: only for those who answer, and those who check that they do.
        Action.READ_RIGHTS_REQUESTS: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.DECIDE_RIGHTS_REQUESTS: frozenset({Role.OWNER, Role.PRIVACY_OFFICER}),
        Action.READ_RETENTION: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.CHANGE_RETENTION: frozenset({Role.OWNER, Role.PRIVACY_OFFICER}),
        Action.READ_NOTICES: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.PUBLISH_NOTICES: frozenset({Role.OWNER, Role.PRIVACY_OFFICER}),
        Action.READ_AUDIT: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.EXPORT_AUDIT: frozenset({Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        # Names, departments and devices, and no figures. Still not for finance, whose work is sums.
        Action.READ_PEOPLE: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.CHANGE_PEOPLE: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.CHANGE_ROLES: frozenset({Role.OWNER}),
        Action.MANAGE_DIRECTORY_SYNC: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.READ_DEVICES: frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
        Action.REVOKE_DEVICES: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
        Action.MANAGE_ENROLMENT_CODES: frozenset({Role.OWNER, Role.ADMINISTRATOR}),
    }
)


def may(role: Role, action: Action) -> bool:
    """Whether the role may do this. An action without a line in the table is nobody's."""
    return role in ALLOWED.get(action, frozenset())

"""What can be recorded: each tag says who it was done to and by whom, `subject:action`, and what it may carry."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Tag(StrEnum):
    """Everything that is recorded, as stored. A stored tag is never renamed."""

    PERSON_VIEWED = "person:viewed"
    """Someone opened another's entry in the directory, with its devices; it has no figures."""
    USAGE_VIEWED = "usage:viewed"
    """Someone opened the figures of one named person. Needs a reason."""
    USAGE_DOWNLOADED = "usage:downloaded"
    """A person downloaded the records kept about them."""
    PERSON_ADDED = "person:added"
    PERSON_CHANGED = "person:changed"
    """What is said about someone changed, they left or came back. The values of names and addresses are not kept."""
    PEOPLE_IMPORTED = "people:imported"
    PEOPLE_EXPORTED = "people:exported"
    ACCOUNT_ASSIGNED = "account:assigned"
    """An account on a device was said to be someone's."""
    DEVICE_ENROLLED = "device:enrolled"
    DEVICE_SET_UP_ANEW = "device:set-up-anew"
    """A machine that was known was enrolled again, with a new key and a new epoch."""
    DEVICE_KEY_CHANGED = "device:key-changed"
    DEVICE_REVOKED = "device:revoked"
    ENROLMENT_CODE_CREATED = "enrolment-code:created"
    ENROLMENT_CODE_ENDED = "enrolment-code:ended"
    SIGN_IN_LINK_CREATED = "sign-in-link:created"
    SESSION_STARTED = "session:started"
    SESSION_CONFIRMED = "session:confirmed"
    """Someone proved again who they are, before something sensitive."""
    SESSIONS_ENDED = "sessions:ended"
    SIGN_IN_FAILED = "sign-in:failed"
    """Somebody did not get in. Told for the first, the tenth, the hundredth try of a day; see people/failures.py."""
    PASSKEY_ADDED = "passkey:added"
    PASSKEY_REMOVED = "passkey:removed"
    PASSKEY_REFUSED = "passkey:refused"
    """A passkey counted backwards, as a copy of it would."""
    PASSWORD_SET = "password:set"  # noqa: S105 - a tag
    PASSWORD_REMOVED = "password:removed"  # noqa: S105
    RECOVERY_CODES_CREATED = "recovery-codes:created"
    RECOVERY_CODE_USED = "recovery-code:used"
    WORK_ACCOUNT_CONNECTED = "work-account:connected"
    WORK_ACCOUNT_DISCONNECTED = "work-account:disconnected"
    ROLE_GIVEN = "role:given"
    """The organisation's sign-in gave or took a role, by a group."""
    SSO_CHANGED = "sso:changed"
    SSO_REMOVED = "sso:removed"
    SCIM_TOKEN_CREATED = "scim-token:created"  # noqa: S105
    SCIM_TOKEN_ENDED = "scim-token:ended"  # noqa: S105
    GROUP_CHANGED = "group:changed"
    """What a group of the organisation's own directory means here."""
    ORGANISATION_SUSPENDED = "organisation:suspended"
    ORGANISATION_RESUMED = "organisation:resumed"
    POLICY_CHANGED = "policy:changed"
    AUDIT_CUT = "audit:cut"
    """The oldest entries of this trail were past their time and went."""
    WORKS_AGREEMENT_CHANGED = "works-agreement:changed"
    """The private time that a works agreement adds for everybody."""
    FIGURES_EXPORTED = "figures:exported"
    """Someone took sums of the organisation's use as a file."""
    EXPORT_SCHEDULED = "export-schedule:made"
    """From now on an export is sent by itself."""
    EXPORT_SCHEDULE_CHANGED = "export-schedule:changed"
    """What is sent, how often or where to. Of keys, their last letters, and whether they are new."""
    EXPORT_SCHEDULE_PAUSED = "export-schedule:paused"
    EXPORT_SCHEDULE_RESUMED = "export-schedule:resumed"
    EXPORT_SCHEDULE_ENDED = "export-schedule:ended"
    RIGHTS_REQUEST_MADE = "rights-request:made"
    """Someone asked for something under the law, or an officer recorded that they did."""
    RIGHTS_REQUEST_DECIDED = "rights-request:decided"
    COPY_OPENED = "copy:opened"
    """A person fetched the copy of their data."""
    PERSON_ERASED = "person:erased"
    LEGAL_HOLD_CHANGED = "legal-hold:changed"
    NOTICE_PUBLISHED = "notice:published"
    NOTICE_ACKNOWLEDGED = "notice:acknowledged"
    BUDGET_CHANGED = "budget:changed"
    """A budget was made, changed from a day on, or ended."""
    PERKS_CHANGED = "token-perks:changed"
    """The programme's settings or invitations. Who takes part, and when they began, is never recorded."""
    WEBHOOK_ADDED = "webhook:added"
    WEBHOOK_ENDED = "webhook:ended"
    USAGE_API_CONNECTED = "usage-api:connected"
    """A provider's own usage figures were connected, or the connection got a new key. The key is not kept here."""
    USAGE_API_DISCONNECTED = "usage-api:disconnected"
    API_CLIENT_CREATED = "api-client:created"
    """A program was let to the public API, for whoever made it."""
    API_CLIENT_REVOKED = "api-client:revoked"
    AUDIT_EXPORTED = "audit:exported"


_OF_SCHEDULE: Final = frozenset({"schedule", "dataset", "format", "rhythm", "wait_days", "target", "access_key"})

CARRIES: Final[Mapping[Tag, frozenset[str]]] = MappingProxyType(
    {
        Tag.PERSON_VIEWED: frozenset(),
        Tag.USAGE_VIEWED: frozenset({"first_day", "last_day"}),
        Tag.USAGE_DOWNLOADED: frozenset({"format"}),
        Tag.PERSON_ADDED: frozenset({"role"}),
        Tag.PERSON_CHANGED: frozenset({"role", "status", "fields"}),
        Tag.PEOPLE_IMPORTED: frozenset({"new", "changed", "refused"}),
        Tag.PEOPLE_EXPORTED: frozenset({"people"}),
        Tag.ACCOUNT_ASSIGNED: frozenset({"device", "records_moved"}),
        Tag.DEVICE_ENROLLED: frozenset({"device", "platform"}),
        Tag.DEVICE_SET_UP_ANEW: frozenset({"device", "platform", "epoch"}),
        Tag.DEVICE_KEY_CHANGED: frozenset({"device"}),
        Tag.DEVICE_REVOKED: frozenset({"device", "status"}),
        Tag.ENROLMENT_CODE_CREATED: frozenset({"uses", "expires_on"}),
        Tag.ENROLMENT_CODE_ENDED: frozenset({"code"}),
        Tag.SIGN_IN_LINK_CREATED: frozenset({"expires_at"}),
        Tag.SESSION_STARTED: frozenset({"method"}),
        Tag.SESSION_CONFIRMED: frozenset({"method"}),
        Tag.SESSIONS_ENDED: frozenset({"sessions"}),
        Tag.SIGN_IN_FAILED: frozenset({"method", "tries"}),
        Tag.PASSKEY_ADDED: frozenset({"passkey"}),
        Tag.PASSKEY_REMOVED: frozenset({"passkey"}),
        Tag.PASSKEY_REFUSED: frozenset({"passkey"}),
        Tag.PASSWORD_SET: frozenset(),
        Tag.PASSWORD_REMOVED: frozenset(),
        Tag.RECOVERY_CODES_CREATED: frozenset({"codes"}),
        Tag.RECOVERY_CODE_USED: frozenset({"codes_left"}),
        Tag.WORK_ACCOUNT_CONNECTED: frozenset({"issuer"}),
        Tag.WORK_ACCOUNT_DISCONNECTED: frozenset({"issuer"}),
        Tag.ROLE_GIVEN: frozenset({"role"}),
        Tag.SSO_CHANGED: frozenset({"issuer", "client_id", "email_domains", "adds_people", "groups"}),
        Tag.SSO_REMOVED: frozenset({"issuer"}),
        Tag.WORKS_AGREEMENT_CHANGED: frozenset({"title", "zone", "hours"}),
        Tag.SCIM_TOKEN_CREATED: frozenset({"name", "expires_on"}),
        Tag.SCIM_TOKEN_ENDED: frozenset({"name"}),
        Tag.GROUP_CHANGED: frozenset({"group", "means"}),
        Tag.ORGANISATION_SUSPENDED: frozenset(),
        Tag.ORGANISATION_RESUMED: frozenset(),
        Tag.AUDIT_CUT: frozenset({"before", "entries"}),
        Tag.POLICY_CHANGED: frozenset({"policy", "value", "effective_at"}),
        Tag.FIGURES_EXPORTED: frozenset(
            {
                "dataset",
                "format",
                "first_day",
                "last_day",
                "rows",
                "schema_version",
                "estimator_versions",
                "device_days_reported",
                "device_days_enrolled",
                "sent_to",
            }
        ),
        Tag.EXPORT_SCHEDULED: _OF_SCHEDULE,
        Tag.EXPORT_SCHEDULE_CHANGED: _OF_SCHEDULE | {"has_new_keys"},
        Tag.EXPORT_SCHEDULE_PAUSED: frozenset({"schedule"}),
        Tag.EXPORT_SCHEDULE_RESUMED: frozenset({"schedule"}),
        Tag.EXPORT_SCHEDULE_ENDED: frozenset({"schedule"}),
        Tag.RIGHTS_REQUEST_MADE: frozenset({"request", "kind", "due_on"}),
        Tag.RIGHTS_REQUEST_DECIDED: frozenset({"request", "kind", "decision"}),
        Tag.COPY_OPENED: frozenset({"request"}),
        Tag.PERSON_ERASED: frozenset({"request", "events", "devices"}),
        Tag.LEGAL_HOLD_CHANGED: frozenset({"ends_on", "is_told"}),
        Tag.NOTICE_PUBLISHED: frozenset({"version", "jurisdiction", "language"}),
        Tag.NOTICE_ACKNOWLEDGED: frozenset({"version"}),
        Tag.BUDGET_CHANGED: frozenset({"budget", "for", "done", "amount", "valid_from"}),
        Tag.PERKS_CHANGED: frozenset({"done", "tier", "tokens_per_ticket", "tickets", "department"}),
        Tag.WEBHOOK_ADDED: frozenset({"endpoint"}),
        Tag.WEBHOOK_ENDED: frozenset({"endpoint"}),
        Tag.USAGE_API_CONNECTED: frozenset({"provider", "days"}),
        Tag.USAGE_API_DISCONNECTED: frozenset({"provider"}),
        Tag.API_CLIENT_CREATED: frozenset({"name", "kind", "scopes", "expires_on"}),
        Tag.API_CLIENT_REVOKED: frozenset({"name", "kind"}),
        Tag.AUDIT_EXPORTED: frozenset({"entries"}),
    }
)
"""The keys `before` and `after` may have: closed, so that nothing but what is listed here gets into the trail.

Devices and accounts stand there by id: an entry outlives who it tells of, and a name would outlive their erasure."""

NEEDS_REASON: Final = frozenset({Tag.USAGE_VIEWED})

ABOUT_A_PERSON: Final = (
    Tag.PERSON_VIEWED,
    Tag.USAGE_VIEWED,
    Tag.USAGE_DOWNLOADED,
    Tag.SIGN_IN_LINK_CREATED,
)
"""What people are shown as "who looked": whoever makes a link that signs them in could have looked through it too."""

"""Entries in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from uuid import UUID

from toktra.server.audit.chain import Detail, Entry
from toktra.server.audit.tags import Tag
from toktra.server.people.service import role_word
from toktra.server.web.access import Role
from toktra.server.web.language import _

TAG_WORDS: Final[Mapping[Tag, str]] = {
    Tag.PERSON_VIEWED: _("Person viewed"),
    Tag.USAGE_VIEWED: _("Usage of a person viewed"),
    Tag.USAGE_DOWNLOADED: _("Own records downloaded"),
    Tag.PERSON_ADDED: _("Person added"),
    Tag.PERSON_CHANGED: _("Person changed"),
    Tag.PEOPLE_IMPORTED: _("People imported"),
    Tag.PEOPLE_EXPORTED: _("People exported"),
    Tag.ACCOUNT_ASSIGNED: _("Account assigned"),
    Tag.DEVICE_ENROLLED: _("Device enrolled"),
    Tag.DEVICE_SET_UP_ANEW: _("Device set up anew"),
    Tag.DEVICE_KEY_CHANGED: _("Device’s key changed"),
    Tag.DEVICE_REVOKED: _("Device revoked"),
    Tag.ENROLMENT_CODE_CREATED: _("Enrolment code created"),
    Tag.ENROLMENT_CODE_ENDED: _("Enrolment code ended"),
    Tag.SIGN_IN_LINK_CREATED: _("Sign-in link created"),
    Tag.SESSION_STARTED: _("Session started"),
    Tag.SESSION_CONFIRMED: _("Identity confirmed again"),
    Tag.SESSIONS_ENDED: _("Sessions ended"),
    Tag.SIGN_IN_FAILED: _("Sign-in failed"),
    Tag.PASSKEY_ADDED: _("Passkey added"),
    Tag.PASSKEY_REMOVED: _("Passkey removed"),
    Tag.PASSKEY_REFUSED: _("Passkey refused: it counted backwards"),
    Tag.PASSWORD_SET: _("Password set"),
    Tag.PASSWORD_REMOVED: _("Password removed"),
    Tag.RECOVERY_CODES_CREATED: _("Recovery codes created"),
    Tag.RECOVERY_CODE_USED: _("Recovery code used"),
    Tag.WORK_ACCOUNT_CONNECTED: _("Work account connected"),
    Tag.WORK_ACCOUNT_DISCONNECTED: _("Work account disconnected"),
    Tag.ROLE_GIVEN: _("Role changed by a group"),
    Tag.SSO_CHANGED: _("Organisation’s sign-in changed"),
    Tag.SSO_REMOVED: _("Organisation’s sign-in removed"),
    Tag.SCIM_TOKEN_CREATED: _("Directory token created"),
    Tag.SCIM_TOKEN_ENDED: _("Directory token ended"),
    Tag.GROUP_CHANGED: _("Meaning of a group changed"),
    Tag.ORGANISATION_SUSPENDED: _("Organisation suspended"),
    Tag.ORGANISATION_RESUMED: _("Organisation resumed"),
    Tag.POLICY_CHANGED: _("Policy changed"),
    Tag.AUDIT_CUT: _("Oldest entries of the trail deleted"),
    Tag.WORKS_AGREEMENT_CHANGED: _("Works agreement changed"),
    Tag.FIGURES_EXPORTED: _("Figures exported"),
    Tag.EXPORT_SCHEDULED: _("Scheduled export set up"),
    Tag.EXPORT_SCHEDULE_CHANGED: _("Scheduled export changed"),
    Tag.EXPORT_SCHEDULE_PAUSED: _("Scheduled export paused"),
    Tag.EXPORT_SCHEDULE_RESUMED: _("Scheduled export resumed"),
    Tag.EXPORT_SCHEDULE_ENDED: _("Scheduled export ended"),
    Tag.RIGHTS_REQUEST_MADE: _("Rights request made"),
    Tag.RIGHTS_REQUEST_DECIDED: _("Rights request decided"),
    Tag.COPY_OPENED: _("Copy of one’s data fetched"),
    Tag.PERSON_ERASED: _("Person erased"),
    Tag.LEGAL_HOLD_CHANGED: _("Legal hold changed"),
    Tag.NOTICE_PUBLISHED: _("Notice published"),
    Tag.NOTICE_ACKNOWLEDGED: _("Notice confirmed"),
    Tag.BUDGET_CHANGED: _("Budget changed"),
    Tag.PERKS_CHANGED: _("Token Perks changed"),
    Tag.WEBHOOK_ADDED: _("Webhook added"),
    Tag.WEBHOOK_ENDED: _("Webhook taken away"),
    Tag.USAGE_API_CONNECTED: _("Provider’s usage figures connected"),
    Tag.USAGE_API_DISCONNECTED: _("Provider’s usage figures disconnected"),
    Tag.API_CLIENT_CREATED: _("Program let to the API"),
    Tag.API_CLIENT_REVOKED: _("Program’s access revoked"),
    Tag.AUDIT_EXPORTED: _("Audit trail exported"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One entry as the page shows it."""

    number: int
    at: str
    tag: str
    words: str
    actor: str
    role: str
    subject: str
    reason: str
    changes: list[tuple[str, str]]
    hash: str


def lines_of(entries: Sequence[Entry], names: Mapping[UUID, str]) -> list[AuditLine]:
    """Entries with names of people where they are still known."""
    return [_line(entry, names) for entry in entries]


def _line(entry: Entry, names: Mapping[UUID, str]) -> AuditLine:
    actors = {"command": f"toktra {entry.command}", "system": _("The server")}
    return AuditLine(
        number=entry.number,
        at=f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        tag=entry.tag,
        words=TAG_WORDS[Tag(entry.tag)] if entry.tag in set(Tag) else entry.tag,
        actor=actors[entry.actor] if entry.actor in actors else _person(entry, names),
        role=role_word(Role(entry.actor_role)) if entry.actor_role in set(Role) else entry.actor_role or "",
        subject=_name(entry.subject_id, names) if entry.subject_id else "",
        reason=entry.reason or "",
        changes=_changes(entry.before, entry.after),
        hash=entry.hash.hex(),
    )


def _person(entry: Entry, names: Mapping[UUID, str]) -> str:
    """Who it was, and by which program where it was one."""
    name = _name(entry.actor_id, names)
    if entry.actor != "program":
        return name
    return _("%(name)s, by the program “%(program)s”") % {"name": name, "program": entry.command}


def _name(person_id: UUID | None, names: Mapping[UUID, str]) -> str:
    if person_id is not None and person_id in names:
        return names[person_id]
    return _("Person no longer known (%(id)s)") % {"id": str(person_id)[:8]}


def _changes(before: Detail | None, after: Detail | None) -> list[tuple[str, str]]:
    """What it was and what it is, key by key."""
    before, after = before or {}, after or {}
    changes = []
    for key in sorted({*before, *after}):
        now = "–" if after.get(key) is None else str(after[key])
        changes.append((key.replace("_", " "), f"{before[key]} → {now}" if key in before else now))
    return changes

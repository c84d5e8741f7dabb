"""Who may change what about whom, and what a directory must never become. Pure; forms and imports obey the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from toktra.server.directory.details import Details, Field, InvalidDetail
from toktra.server.web.access import Role
from toktra.server.web.language import _


def check_change(actor: Role, before: Details | None, after: Details) -> None:
    """Raises InvalidDetail for a change that this role may not make. `before` is None for someone new.

    Administrators run the directory; only owners say who holds power in it. An e-mail is how someone signs in, so
    changing it, or ending someone's sign-in, would be a way round that for everyone who is more than an employee.
    """
    if actor is Role.OWNER:
        return
    had = before.role if before else Role.EMPLOYEE
    if after.role is not had:
        raise InvalidDetail(Field.ROLE, _("Role: only an owner changes roles."))
    if before is None or had is Role.EMPLOYEE:
        return
    if after.email != before.email:
        raise InvalidDetail(
            Field.EMAIL, _("E-mail: only an owner changes it for someone who is more than an employee.")
        )
    if after.status is not before.status:
        raise InvalidDetail(
            Field.STATUS, _("Status: only an owner changes it for someone who is more than an employee.")
        )


def check_owner_remains(before: Details | None, after: Details, other_owners: int) -> None:
    """Raises InvalidDetail when the organisation would be left without an active owner."""
    if before is None or not before.is_active_owner or after.is_active_owner or other_owners:
        return
    field = Field.ROLE if after.role is not Role.OWNER else Field.STATUS
    raise InvalidDetail(
        field, _("%(name)s is the last owner. Make someone else an owner first.") % {"name": before.name}
    )


def under_themselves(managers: Mapping[UUID, UUID | None], of: Iterable[UUID]) -> set[UUID]:
    """Those who would be their own manager, directly or through others."""
    found: set[UUID] = set()
    for person in of:
        passed: set[UUID] = set()
        above = managers.get(person)
        while above is not None and above not in passed:
            if above == person:
                found.add(person)
                break
            passed.add(above)
            above = managers.get(above)
    return found

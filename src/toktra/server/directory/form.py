"""The form about one person: what was typed becomes an entry, or errors by field with everything typed kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toktra.server.directory import details as said
from toktra.server.directory.changing import Entry
from toktra.server.directory.details import Details, Field, InvalidDetail
from toktra.server.directory.service import KnownPerson
from toktra.server.web.access import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonForm:
    """What the fields hold, and what is wrong with them."""

    name: str = ""
    email: str = ""
    department: str = ""
    manager: str = ""
    role: str = Role.EMPLOYEE.value
    errors: Mapping[str, str]

    @classmethod
    def blank(cls) -> PersonForm:
        return cls(errors={})

    @classmethod
    def of(cls, known: KnownPerson) -> PersonForm:
        """As it is stored; the name made up for an account is no name."""
        details = known.person.details
        return cls(
            name="" if known.person.from_account else details.name,
            email=details.email or "",
            department=details.department or "",
            manager=known.manager_email,
            role=details.role.value,
            errors={},
        )

    @classmethod
    def refused(cls, fields: Mapping[str, str], errors: Mapping[str, str]) -> PersonForm:
        return cls(
            name=fields.get("name", ""),
            email=fields.get("email", ""),
            department=fields.get("department", ""),
            manager=fields.get("manager", ""),
            role=fields.get("role", ""),
            errors=errors,
        )


class FormRefused(Exception):
    """Nothing was changed; `form` says which fields are why."""

    def __init__(self, form: PersonForm) -> None:
        super().__init__("; ".join(form.errors.values()))
        self.form = form


def read_entry(fields: Mapping[str, str], role: Role) -> Entry:
    """What the form says; `role` where it says none. Raises FormRefused with every field that cannot be taken."""
    errors: dict[str, str] = {}
    name, email, department = "", None, None
    try:
        name = said.name(fields.get("name", ""))
    except InvalidDetail as error:
        errors[error.field] = error.reason
    try:
        email = said.email(fields.get("email", ""))
    except InvalidDetail as error:
        errors[error.field] = error.reason
    try:
        department = said.department(fields.get("department", ""))
    except InvalidDetail as error:
        errors[error.field] = error.reason
    try:
        role = said.role(fields["role"]) if "role" in fields else role
    except InvalidDetail as error:
        errors[error.field] = error.reason
    manager = ""
    try:
        manager = said.email(fields.get("manager", "")) or ""
    except InvalidDetail as error:
        errors[Field.MANAGER] = error.reason
    if errors:
        raise FormRefused(PersonForm.refused(fields, errors))
    return Entry(details=Details(name=name, email=email, department=department, role=role), manager_email=manager)

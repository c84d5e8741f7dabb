"""What is said about a person, and how what someone typed becomes it. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from toktra.server.web.access import Role
from toktra.server.web.language import _

LONGEST_NAME: Final = 200
LONGEST_EMAIL: Final = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""
LONGEST_DEPARTMENT: Final = 100

_EMAIL: Final = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]{1,253}")


class Field(StrEnum):
    """What a person's entry holds; also the names of form fields."""

    NAME = "name"
    EMAIL = "email"
    DEPARTMENT = "department"
    MANAGER = "manager"
    ROLE = "role"
    STATUS = "status"


class Status(StrEnum):
    """Whether someone belongs to the organisation, as stored."""

    ACTIVE = "active"
    INACTIVE = "inactive"


FIELD_WORDS: Final = {
    Field.NAME: _("Name"),
    Field.EMAIL: _("E-mail"),
    Field.DEPARTMENT: _("Department"),
    Field.MANAGER: _("Manager"),
    Field.ROLE: _("Role"),
    Field.STATUS: _("Status"),
}
ROLE_WORDS: Final = {
    Role.OWNER: _("Owner"),
    Role.ADMINISTRATOR: _("Administrator"),
    Role.FINANCE: _("Finance"),
    Role.PRIVACY_OFFICER: _("Privacy officer"),
    Role.AUDITOR: _("Auditor"),
    Role.EMPLOYEE: _("Employee"),
}
STATUS_WORDS: Final = {Status.ACTIVE: _("Active"), Status.INACTIVE: _("Left")}


class InvalidDetail(ValueError):
    """What was said about a person cannot be taken. `field` names the field, the text says why and what to do."""

    def __init__(self, field: Field, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What an administrator says about a person."""

    name: str
    email: str | None = None
    department: str | None = None
    manager_id: UUID | None = None
    role: Role = Role.EMPLOYEE
    status: Status = Status.ACTIVE

    @property
    def is_active_owner(self) -> bool:
        return self.role is Role.OWNER and self.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of the directory."""

    person_id: UUID
    details: Details
    from_account: bool = False
    """Made up when an account that nobody had been named for reported first; it has no life of its own."""


def email_key(email: str) -> str:
    """Two addresses with the same key are the same person's."""
    return email.lower()


def name(text: str) -> str:
    """Raises InvalidDetail."""
    said = _one_line(text, Field.NAME, LONGEST_NAME)
    if not said:
        raise InvalidDetail(Field.NAME, _("Name: say what this person is called."))
    return said


def email(text: str) -> str | None:
    """None for no address. Raises InvalidDetail."""
    said = _one_line(text, Field.EMAIL, LONGEST_EMAIL)
    if said and not _EMAIL.fullmatch(said):
        raise InvalidDetail(
            Field.EMAIL, _("E-mail: “%(text)s” is not an e-mail address, such as ada@example.org.") % {"text": said}
        )
    return said or None


def department(text: str) -> str | None:
    """None for no department. Raises InvalidDetail."""
    return _one_line(text, Field.DEPARTMENT, LONGEST_DEPARTMENT) or None


def role(text: str) -> Role:
    """A stored name or the word on the page. Raises InvalidDetail."""
    said = _one_line(text, Field.ROLE, 40).lower()
    for known, word in ROLE_WORDS.items():
        if said in {known.value, known.value.replace("_", " "), word.lower()}:
            return known
    raise InvalidDetail(
        Field.ROLE,
        _("Role: there is no role “%(text)s”. There are %(roles)s.")
        % {"text": said, "roles": ", ".join(known.value for known in ROLE_WORDS)},
    )


def status(text: str) -> Status:
    """A stored name or the word on the page. Raises InvalidDetail."""
    said = _one_line(text, Field.STATUS, 40).lower()
    for known, word in STATUS_WORDS.items():
        if said in {known.value, word.lower()}:
            return known
    raise InvalidDetail(Field.STATUS, _("Status: “%(text)s” is neither active nor inactive.") % {"text": said})


def _one_line(text: str, field: Field, longest: int) -> str:
    """Without spaces around, and each character in the one form it has (NFC), so that equal looks are equal."""
    said = " ".join(unicodedata.normalize("NFC", text).split())
    if not said.isprintable():
        raise InvalidDetail(
            field, _("%(field)s: has characters that cannot be printed.") % {"field": FIELD_WORDS[field]}
        )
    if len(said) > longest:
        raise InvalidDetail(
            field, _("%(field)s: longer than %(n)s characters.") % {"field": FIELD_WORDS[field], "n": longest}
        )
    return said

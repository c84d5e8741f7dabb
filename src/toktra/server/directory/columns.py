"""Which column of a file says what about people. Guessed from the header; whoever imports may say otherwise. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from toktra.server.web.language import _


class Column(StrEnum):
    """What a column may say."""

    EMAIL = "email"
    NAME = "name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    DEPARTMENT = "department"
    MANAGER = "manager"
    ROLE = "role"
    STATUS = "status"


Columns = Mapping[Column, int]
"""The place of each column in the file, counted from 0; what the file does not say is not in it."""

COLUMN_WORDS: Final = {
    Column.EMAIL: _("E-mail"),
    Column.NAME: _("Name"),
    Column.GIVEN_NAME: _("Given name"),
    Column.FAMILY_NAME: _("Family name"),
    Column.DEPARTMENT: _("Department"),
    Column.MANAGER: _("Manager’s e-mail"),
    Column.ROLE: _("Role"),
    Column.STATUS: _("Status"),
}

_KNOWN: Final[Mapping[Column, frozenset[str]]] = MappingProxyType(
    {
        Column.EMAIL: frozenset({"email", "emailaddress", "mail", "workemail", "userprincipalname", "username"})
        | {"emailadresse", "epost"},
        Column.NAME: frozenset({"name", "displayname", "fullname", "anzeigename", "vollername", "mitarbeiter"}),
        Column.GIVEN_NAME: frozenset({"givenname", "firstname", "vorname"}),
        Column.FAMILY_NAME: frozenset({"familyname", "lastname", "surname", "nachname", "familienname"}),
        Column.DEPARTMENT: frozenset({"department", "dept", "team", "abteilung", "organisationseinheit"}),
        Column.MANAGER: frozenset({"manager", "manageremail", "managersemail", "managermail", "supervisor"})
        | {"supervisoremail", "vorgesetzte", "vorgesetzter", "fuehrungskraft", "führungskraft"},
        Column.ROLE: frozenset({"role", "rolle"}),
        Column.STATUS: frozenset({"status", "state", "active", "accountstatus"}),
    }
)


class ColumnsNotUsable(ValueError):
    """The file does not say, or not clearly, who is meant. The text says what is missing."""


def guess(header: Sequence[str]) -> dict[Column, int]:
    """The columns whose headings are known; the first of several."""
    found: dict[Column, int] = {}
    for place, heading in enumerate(header):
        plain = re.sub(r"[^\w]|_", "", heading.lower())
        for column, names in _KNOWN.items():
            if plain in names and column not in found:
                found[column] = place
    return found


def read_choice(fields: Mapping[str, str], header: Sequence[str]) -> dict[Column, int]:
    """What was chosen on the page: for each column the number of a heading, or nothing. Raises ColumnsNotUsable."""
    chosen: dict[Column, int] = {}
    for column in Column:
        said = fields.get(column.value, "")
        if not said:
            continue
        if not (said.isascii() and said.isdigit() and int(said) < len(header)):
            raise ColumnsNotUsable(_("There is no such column in the file."))
        chosen[column] = int(said)
    return chosen


def check_columns(columns: Columns) -> None:
    """Raises ColumnsNotUsable."""
    if Column.EMAIL not in columns:
        raise ColumnsNotUsable(_("Say which column holds the e-mail address: it tells who is meant."))
    if Column.NAME not in columns and not {Column.GIVEN_NAME, Column.FAMILY_NAME} <= set(columns):
        raise ColumnsNotUsable(_("Say which column holds the name, or which two hold given name and family name."))
    if len(set(columns.values())) != len(columns):
        raise ColumnsNotUsable(_("One column is chosen for two things."))


def said_in(columns: Columns, cells: Sequence[str], column: Column) -> str | None:
    """What a row says in a column; None when the file has no such column."""
    return cells[columns[column]] if column in columns else None

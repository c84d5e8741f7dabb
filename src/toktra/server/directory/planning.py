"""What an import would do, row by row, before anything is written. Pure: the same file over the same directory gives
the same plan, so that what was shown can be told from what would happen now.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from toktra.server.directory import details as said
from toktra.server.directory.columns import Column, Columns, said_in
from toktra.server.directory.csv_reading import Line, Table
from toktra.server.directory.details import Details, Field, InvalidDetail, Person, Status, email_key
from toktra.server.directory.rules import check_change, under_themselves
from toktra.server.web.access import Role
from toktra.server.web.language import _
from toktra.server.web.spreadsheets import original

_NEW: Final = UUID("6f6b7472-6164-4972-8563-746f72796e77")
"""Namespace of the ids that people have in a plan before they exist; none is ever stored."""


class Fate(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that a row changes, as people read it; empty for nothing."""

    field: Field
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """A row and its fate."""

    line: int
    email: str
    name: str
    fate: Fate
    refusal: str = ""
    person_id: UUID | None = None
    """In a plan also of someone new: managers refer to it."""
    before: Details | None = None
    after: Details | None = None
    changes: tuple[Change, ...] = ()

    @property
    def leaves(self) -> bool:
        """Whether the row ends someone's sign-in and devices."""
        return bool(
            self.fate is Fate.CHANGED
            and self.before
            and self.after
            and self.before.status is Status.ACTIVE
            and self.after.status is Status.INACTIVE
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Every row of a file with its fate."""

    rows: tuple[PlannedRow, ...]

    @property
    def counts(self) -> Counter[Fate]:
        return Counter(row.fate for row in self.rows)

    @property
    def leaving(self) -> int:
        return sum(row.leaves for row in self.rows)

    def having(self, fate: Fate) -> list[PlannedRow]:
        return [row for row in self.rows if row.fate is fate]

    @property
    def digest(self) -> str:
        """Equal only for plans that write the same."""
        return hashlib.sha256(repr(self.rows).encode()).hexdigest()


def make_plan(table: Table, columns: Columns, people: Sequence[Person], actor: Role) -> Plan:
    """`people` is the whole directory. `columns` must have passed check_columns."""
    return _Planning(table, columns, people, actor).plan()


@dataclass(slots=True)
class _Planning:
    table: Table
    columns: Columns
    people: Sequence[Person]
    actor: Role
    by_email: dict[str, Person] = field(init=False)
    names: dict[UUID, str] = field(init=False)
    seen: Mapping[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.by_email = {email_key(person.details.email): person for person in self.people if person.details.email}
        self.names = {person.person_id: person.details.name for person in self.people}
        self.seen = self._lines_of_each_email()

    def plan(self) -> Plan:
        rows = [self._first_look(line) for line in self.table.lines]
        rows = self._with_managers(rows)
        rows = self._without_circles(rows)
        rows = self._with_an_owner(rows)
        return Plan(tuple(self._told(row) for row in rows))

    def _lines_of_each_email(self) -> dict[str, list[int]]:
        lines: dict[str, list[int]] = {}
        for line in self.table.lines:
            if self.columns[Column.EMAIL] < len(line.cells):
                lines.setdefault(email_key(self._cell(line, Column.EMAIL) or ""), []).append(line.number)
        return lines

    def _cell(self, line: Line, column: Column) -> str | None:
        cell = said_in(self.columns, line.cells, column)
        return None if cell is None else original(cell).strip()

    def _first_look(self, line: Line) -> PlannedRow:
        """All that the row and the person it means can tell: everything but managers and owners."""
        row = PlannedRow(line=line.number, email="", name="", fate=Fate.UNCHANGED)
        if len(line.cells) != len(self.table.header):
            return _refused(
                row,
                _("It has %(n)s cells and the header %(header)s.")
                % {"n": len(line.cells), "header": len(self.table.header)},
            )
        row = replace(row, email=self._cell(line, Column.EMAIL) or "", name=self._name(line))
        try:
            email = self._email(line)
            known = self.by_email.get(email_key(email))
            before = known.details if known else None
            after = self._details(line, email, before)
            check_change(self.actor, before, after)
        except InvalidDetail as error:
            return _refused(row, error.reason)
        person_id = known.person_id if known else uuid5(_NEW, email_key(email))
        return replace(row, person_id=person_id, before=before, after=after)

    def _email(self, line: Line) -> str:
        text = self._cell(line, Column.EMAIL) or ""
        email = said.email(text)
        if email is None:
            raise InvalidDetail(Field.EMAIL, _("E-mail: missing. It tells who is meant."))
        same = [number for number in self.seen[email_key(text)] if number != line.number]
        if same:
            raise InvalidDetail(Field.EMAIL, _("E-mail: also on line %(line)s.") % {"line": same[0]})
        return email

    def _name(self, line: Line) -> str:
        whole = self._cell(line, Column.NAME)
        if whole is not None:
            return whole
        parts = (self._cell(line, Column.GIVEN_NAME), self._cell(line, Column.FAMILY_NAME))
        return " ".join(part for part in parts if part)

    def _details(self, line: Line, email: str, before: Details | None) -> Details:
        """What the file does not say stays as it is. An empty cell takes a department away; a role or status stays."""
        after = before or Details(name="?", email=email)
        department, role, status = (
            self._cell(line, column) for column in (Column.DEPARTMENT, Column.ROLE, Column.STATUS)
        )
        after = replace(after, name=said.name(self._name(line)))
        if department is not None:
            after = replace(after, department=said.department(department))
        if role:
            after = replace(after, role=said.role(role))
        if status:
            after = replace(after, status=said.status(status))
        if before is None and after.status is Status.INACTIVE:
            raise InvalidDetail(Field.STATUS, _("Status: this person has left and is not in the directory."))
        return after

    def _with_managers(self, rows: list[PlannedRow]) -> list[PlannedRow]:
        """Managers are in the directory or in the file; in a row that is not refused, so this goes on until none is."""
        if Column.MANAGER not in self.columns:
            return rows
        cells = {line.number: self._cell(line, Column.MANAGER) for line in self.table.lines if self._is_whole(line)}
        while True:
            new = {
                email_key(row.email): row.person_id
                for row in rows
                if row.fate is not Fate.REFUSED and row.before is None and row.person_id
            }
            looked = [self._with_manager(row, cells.get(row.line) or "", new) for row in rows]
            if looked == rows:
                return rows
            rows = looked

    def _is_whole(self, line: Line) -> bool:
        return len(line.cells) == len(self.table.header)

    def _with_manager(self, row: PlannedRow, email: str, new: Mapping[str, UUID]) -> PlannedRow:
        if row.fate is Fate.REFUSED or row.after is None:
            return row
        if not email:
            return replace(row, after=replace(row.after, manager_id=None))
        known = self.by_email.get(email_key(email))
        manager_id = known.person_id if known else new.get(email_key(email))
        if manager_id is None:
            return _refused(
                row, _("Manager: “%(email)s” is neither here nor in a row that can be imported.") % {"email": email}
            )
        return replace(row, after=replace(row.after, manager_id=manager_id))

    def _without_circles(self, rows: list[PlannedRow]) -> list[PlannedRow]:
        """Refuses who would be their own manager. A refused row leaves what was, and that has no circles."""
        managers = {person.person_id: person.details.manager_id for person in self.people}
        managers |= {row.person_id: row.after.manager_id for row in rows if row.person_id and row.after}
        moved = [
            row.person_id
            for row in rows
            if row.person_id and row.after and row.after.manager_id is not None
            and (row.before is None or row.before.manager_id != row.after.manager_id)
        ]  # fmt: skip
        circling = under_themselves(managers, moved)
        if not circling:
            return rows
        refusal = _("Manager: this person would be their own manager, directly or through others.")
        rows = [_refused(row, refusal) if row.person_id in circling else row for row in rows]
        # Whoever was to work under someone new who is now refused has nobody to work under.
        return self._without_circles(self._with_managers(rows))

    def _with_an_owner(self, rows: list[PlannedRow]) -> list[PlannedRow]:
        owners = {person.person_id for person in self.people if person.details.is_active_owner}
        for row in rows:
            if row.person_id and row.after:
                (owners.add if row.after.is_active_owner else owners.discard)(row.person_id)
        if owners:
            return rows
        refusal = _("No owner would be left. Make someone else an owner first.")
        return [
            _refused(row, refusal) if row.before and row.before.is_active_owner and row.after else row for row in rows
        ]

    def _told(self, row: PlannedRow) -> PlannedRow:
        if row.fate is Fate.REFUSED or row.after is None:
            return row
        if row.before is None:
            return replace(row, fate=Fate.NEW, changes=tuple(self._changes(Details(name=""), row.after)))
        changes = tuple(self._changes(row.before, row.after))
        return replace(row, fate=Fate.CHANGED if changes else Fate.UNCHANGED, changes=changes)

    def _changes(self, before: Details, after: Details) -> Iterator[Change]:
        pairs: tuple[tuple[Field, Any, Any, Callable[[Any], str]], ...] = (
            (Field.DEPARTMENT, before.department, after.department, str),
            (Field.MANAGER, before.manager_id, after.manager_id, self._called),
            (Field.ROLE, before.role, after.role, said.ROLE_WORDS.__getitem__),
            (Field.STATUS, before.status, after.status, said.STATUS_WORDS.__getitem__),
        )
        if before.name and before.name != after.name:
            yield Change(Field.NAME, before.name, after.name)
        for name, was, becomes, word in pairs:
            if was != becomes:
                yield Change(name, word(was) if was else "", word(becomes) if becomes else "")

    def _called(self, person_id: UUID) -> str:
        if person_id not in self.names:
            for line in self.table.lines:
                if self._is_whole(line):
                    email = email_key(self._cell(line, Column.EMAIL) or "")
                    self.names.setdefault(uuid5(_NEW, email), self._name(line))
        return self.names.get(person_id, "")


def _refused(row: PlannedRow, refusal: str) -> PlannedRow:
    return replace(row, fate=Fate.REFUSED, refusal=refusal, after=None, person_id=None)

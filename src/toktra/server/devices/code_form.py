"""The form for an enrolment code: what was typed becomes terms, or errors by field with everything typed kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from toktra.server.database.pool import Connection
from toktra.server.devices.open_codes import MOST_DAYS, MOST_USES, USUAL_DAYS, Terms
from toktra.server.directory import service as directory
from toktra.server.directory.details import Field, InvalidDetail
from toktra.server.web.language import _

FOR_PERSON = "person"
FOR_FLEET = "fleet"
_LONGEST_PURPOSE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeForm:
    """What the fields hold, and what is wrong with them."""

    kind: str = ""
    email: str = ""
    uses: str = "10"
    days: str = str(USUAL_DAYS)
    purpose: str = ""
    errors: Mapping[str, str]

    @classmethod
    def blank(cls) -> CodeForm:
        return cls(errors={})


class CodeRefused(Exception):
    """No code was made; `form` says which fields are why."""

    def __init__(self, form: CodeForm) -> None:
        super().__init__("; ".join(form.errors.values()))
        self.form = form


async def read_terms(connection: Connection, tenant_id: UUID, fields: Mapping[str, str]) -> Terms:
    """A code for one person is good for one device; one for a fleet for as many as said. Raises CodeRefused."""
    errors: dict[str, str] = {}
    kind = fields.get("kind", "")
    days = _number(fields.get("days", ""), MOST_DAYS)
    if days is None:
        errors["days"] = _("Days: give a whole number from 1 to %(most)s.") % {"most": MOST_DAYS}
    person_id, uses, purpose = None, 1, ""
    if kind == FOR_PERSON:
        try:
            person = await directory.active_person(connection, tenant_id, fields.get("email", "").strip(), Field.EMAIL)
            person_id = person.person_id
        except InvalidDetail as error:
            errors["email"] = error.reason
    elif kind == FOR_FLEET:
        said = _number(fields.get("uses", ""), MOST_USES)
        if said is None:
            errors["uses"] = _("Devices: give a whole number from 1 to %(most)s.") % {"most": MOST_USES}
        uses = said or 1
        purpose = " ".join(fields.get("purpose", "").split())
        if len(purpose) > _LONGEST_PURPOSE or not purpose.isprintable():
            errors["purpose"] = _("What for: up to %(n)s characters that can be printed.") % {"n": _LONGEST_PURPOSE}
    else:
        errors["kind"] = _("Say whether the code is for one person or for a fleet.")
    if errors or days is None:
        raise CodeRefused(
            CodeForm(
                kind=kind,
                email=fields.get("email", ""),
                uses=fields.get("uses", "10"),
                days=fields.get("days", ""),
                purpose=fields.get("purpose", ""),
                errors=errors,
            )
        )
    return Terms(person_id=person_id, uses=uses, days=days, purpose=purpose)


def _number(text: str, most: int) -> int | None:
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return number if 1 <= number <= most else None

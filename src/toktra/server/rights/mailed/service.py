"""What comes of a link: a request, then whose it is, then a copy for who holds the link."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from toktra.compliance.deadlines import Regulation, deadline
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.rights.kinds import NEEDS_DETAILS, Channel, Stage, Step
from toktra.server.rights.mailed import links
from toktra.server.rights.mailed.links import SHOWS_FOR, Opened, UnknownLink
from toktra.server.rights.requests import Request, note_step, queries
from toktra.server.rights.wording import LEAST_REASON, Field, InvalidRequest, plain_words
from toktra.server.web.access import Role
from toktra.server.web.language import _


async def make(database: Database, opened: Opened, regulation: Regulation, details: str) -> UUID:
    """The request that a link stands for, received now. Safe to repeat. Raises InvalidRequest or UnknownLink."""
    tenant_id = opened.tenant.tenant_id
    words = plain_words(details, Field.DETAILS, least=LEAST_REASON if opened.kind in NEEDS_DETAILS else 0)
    async with database.tenant(tenant_id) as connection:
        await queries.wait_for_turn(connection, tenant_id=tenant_id)
        of = {"tenant_id": tenant_id, "token_hash": opened.token.hash}
        link = await links.queries.lock(connection, **of)
        if link is None:
            raise UnknownLink
        if link.request_id is not None:
            made: UUID = link.request_id
            return made
        await _check_first(connection, tenant_id, opened)
        request_id, number = await _add(connection, tenant_id, opened, regulation, words)
        await links.queries.becomes(connection, **of, request_id=request_id, valid_for=SHOWS_FOR)
        await audit.record(
            connection,
            tenant_id,
            Tag.RIGHTS_REQUEST_MADE,
            audit.Actor.system(),
            after={"request": number, "kind": opened.kind.value},
        )
    return request_id


async def _check_first(connection: Connection, tenant_id: UUID, opened: Opened) -> None:
    number = await links.queries.open_like(
        connection, tenant_id=tenant_id, address=opened.address, kind=opened.kind.value
    )
    if number:
        raise InvalidRequest(
            Field.KIND,
            _("This has been asked for from your address already and is not closed yet: R-%(number)s.")
            % {"number": f"{number:03}"},
        )


async def _add(
    connection: Connection, tenant_id: UUID, opened: Opened, regulation: Regulation, words: str
) -> tuple[UUID, int]:
    today = datetime.now(UTC).date()
    days = deadline(regulation, today)
    row = await queries.add_mailed(
        connection,
        tenant_id=tenant_id,
        kind=opened.kind.value,
        regulation=regulation.value,
        channel=Channel.MAIL.value,
        stage=Stage.CHECK.value,
        asked_from=opened.address,
        received_on=today,
        confirm_by=days.confirm_by,
        due_on=days.due,
        details=words or None,
    )
    await note_step(connection, tenant_id, row.request_id, Step.RECEIVED)
    await note_step(connection, tenant_id, row.request_id, Step.CONFIRMED)  # the page says so at once
    return row.request_id, row.number


def as_its_person(opened: Opened, request: Request) -> SignedIn:
    """Who holds the link, once an officer has found that they are this person. They act in no role of the staff."""
    return SignedIn(opened.tenant, request.person_id, request.name or "", Role.EMPLOYEE)


def may_have_copy(request: Request) -> bool:
    """Whether it is known whose request it is: until then nothing of anybody's is given to who holds the link."""
    return request.stage not in (Stage.CHECK, Stage.REFUSED)

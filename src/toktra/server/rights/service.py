"""Making requests and deciding about them. What is done to a request and its entry in the trail come together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from toktra.compliance.deadlines import Regulation, deadline
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.jobs import defer
from toktra.server.notices.service import regulation_of
from toktra.server.people.erasing import another_owner_remains
from toktra.server.people.names import is_known
from toktra.server.people.signed_in import SignedIn
from toktra.server.rights import erasure_job
from toktra.server.rights.kinds import COPIES, NEEDS_DETAILS, STOPS_AT_ONCE, Channel, Kind, Stage, Step
from toktra.server.rights.letters import tell_person
from toktra.server.rights.requests import Request, find, note_step, queries
from toktra.server.rights.wording import LEAST_REASON, MOST_DETAILS, Field, InvalidRequest, plain_words
from toktra.server.web.language import _

__all__ = [
    "MOST_DETAILS",
    "Field",
    "InvalidRequest",
    "ask",
    "ask_for",
    "extend",
    "grant",
    "hold",
    "identify",
    "record",
    "refuse",
    "take",
]

OLDEST_RECEIPT: Final = timedelta(days=366)


async def ask(database: Database, reader: SignedIn, kind: Kind, regulation: Regulation, details: str) -> UUID:
    """A request of whoever is signed in, received now and confirmed at once. Raises InvalidRequest."""
    today = datetime.now(UTC).date()
    async with database.tenant(reader.tenant.tenant_id) as connection:
        return await _make(
            connection,
            reader,
            reader.person_id,
            kind,
            regulation,
            received=today,
            details=details,
            channel=Channel.PORTAL,
        )


async def ask_for(
    database: Database,
    reader: SignedIn,
    person_id: UUID,
    kind: Kind,
    regulation: Regulation,
    *,
    received: date,
    details: str,
) -> UUID:
    """A request that someone made by letter or in person, recorded by the officer. Raises InvalidRequest."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        return await record(
            connection, reader, person_id, kind, regulation, received=received, details=details, channel=Channel.OFFICER
        )


async def record(
    connection: Connection,
    reader: SignedIn,
    person_id: UUID,
    kind: Kind,
    regulation: Regulation,
    *,
    received: date,
    details: str,
    channel: Channel,
) -> UUID:
    """The same within the caller's transaction, by an officer or a program. Raises InvalidRequest."""
    today = datetime.now(UTC).date()
    if not today - OLDEST_RECEIPT <= received <= today:
        raise InvalidRequest(Field.RECEIVED, _("Received on: give a day within the last year, today at the latest."))
    if not await is_known(connection, reader.tenant.tenant_id, person_id):
        raise InvalidRequest(Field.PERSON, _("Person: there is nobody with this entry any more."))
    return await _make(
        connection, reader, person_id, kind, regulation, received=received, details=details, channel=channel
    )


async def _make(
    connection: Connection,
    reader: SignedIn,
    person_id: UUID,
    kind: Kind,
    regulation: Regulation,
    *,
    received: date,
    details: str,
    channel: Channel,
) -> UUID:
    tenant_id = reader.tenant.tenant_id
    words = plain_words(details, Field.DETAILS, least=LEAST_REASON if kind in NEEDS_DETAILS else 0)
    await queries.wait_for_turn(connection, tenant_id=tenant_id)
    await _check_no_other(connection, tenant_id, person_id, kind)
    days = deadline(regulation, received)
    stage = Stage.IDENTITY if kind in COPIES else Stage.DECISION
    made = await queries.add(
        connection,
        tenant_id=tenant_id,
        kind=kind.value,
        regulation=regulation.value,
        person_id=person_id,
        channel=channel.value,
        stage=stage.value,
        received_on=received,
        confirm_by=days.confirm_by,
        due_on=days.due,
        details=words or None,
    )
    request_id: UUID = made.request_id
    await note_step(connection, tenant_id, request_id, Step.RECEIVED, role=reader.role.value)
    if channel in (Channel.OFFICER, Channel.API):
        await tell_person(connection, tenant_id, await find(connection, tenant_id, request_id), Step.RECEIVED)
    # In the portal the page it was made on says so, with the day it is due.
    await note_step(connection, tenant_id, request_id, Step.CONFIRMED)
    if kind in STOPS_AT_ONCE:
        await _stop(connection, tenant_id, person_id, kind, request_id)
    await audit.record(
        connection,
        tenant_id,
        Tag.RIGHTS_REQUEST_MADE,
        reader.actor,
        subject_id=person_id,
        after={"request": made.number, "kind": kind.value, "due_on": days.due.isoformat()},
    )
    return request_id


async def identify(database: Database, reader: SignedIn, request_id: UUID, person_id: UUID, how: str) -> None:
    """Says whose a mailed request is, and how that was found out; from here on it goes its way. Raises InvalidRequest.

    It stands under that person's law from the day it was received.
    """
    words = plain_words(how, Field.REASON, least=LEAST_REASON)
    tenant_id = reader.tenant.tenant_id
    regulation = await regulation_of(database, tenant_id, person_id)
    async with database.tenant(tenant_id) as connection:
        await queries.wait_for_turn(connection, tenant_id=tenant_id)
        found = await _open(connection, reader, request_id)
        if found.stage is not Stage.CHECK:
            raise InvalidRequest(Field.PERSON, _("It is known already whose request this is."))
        await _check_no_other(connection, tenant_id, person_id, found.kind)
        days = deadline(regulation, found.received_on, is_extended=found.is_extended)
        await queries.identify(
            connection,
            tenant_id=tenant_id,
            request_id=request_id,
            person_id=person_id,
            stage=(Stage.IDENTITY if found.kind in COPIES else Stage.DECISION).value,
            regulation=regulation.value,
            confirm_by=days.confirm_by,
            due_on=days.due,
        )
        if found.kind in STOPS_AT_ONCE:
            await _stop(connection, tenant_id, person_id, found.kind, request_id)
        await _noted(connection, reader, await find(connection, tenant_id, request_id), Step.IDENTIFIED, words)


async def take(database: Database, reader: SignedIn, request_id: UUID, note: str = "") -> None:
    """From now on the reader sees to it, whoever did before. Safe to repeat. Raises InvalidRequest."""
    del note  # every decision comes with one
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        found = await _open(connection, reader, request_id)
        if found.owner_id == reader.person_id:
            return
        await queries.take(connection, tenant_id=tenant_id, request_id=request_id, owner_id=reader.person_id)
        await _noted(connection, reader, found, Step.TAKEN, None)


async def extend(database: Database, reader: SignedIn, request_id: UUID, reason: str) -> None:
    """Takes the longer time the law gives, which the person reads with its reason. Raises InvalidRequest."""
    words = plain_words(reason, Field.REASON, least=LEAST_REASON)
    async with database.tenant(reader.tenant.tenant_id) as connection:
        found = await _open(connection, reader, request_id)
        if found.is_extended:
            raise InvalidRequest(Field.REASON, _("This has been extended already; the law gives no second time."))
        if datetime.now(UTC).date() > found.extend_by:
            raise InvalidRequest(
                Field.REASON, _("An extension has to be told before the request is due, and that day has passed.")
            )
        due = deadline(found.regulation, found.received_on, is_extended=True).due
        await queries.extend(connection, tenant_id=reader.tenant.tenant_id, request_id=request_id, due_on=due)
        extended = await find(connection, reader.tenant.tenant_id, request_id)
        await _noted(connection, reader, extended, Step.EXTENDED, words)


async def refuse(database: Database, reader: SignedIn, request_id: UUID, grounds: str) -> None:
    """Refuses, with grounds that the person reads beside where they can complain (GDPR Art. 12(4)).

    What an objection or restriction had stopped goes on. Raises InvalidRequest.
    """
    words = plain_words(grounds, Field.REASON, least=LEAST_REASON)
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        found = await _open(connection, reader, request_id)
        if found.stage not in (Stage.CHECK, Stage.DECISION, Stage.IDENTITY):
            raise InvalidRequest(Field.REASON, _("The answer is being made already; it cannot be refused any more."))
        await queries.move(connection, tenant_id=tenant_id, request_id=request_id, stage=Stage.REFUSED.value)
        if found.kind in STOPS_AT_ONCE:
            await queries.resume_recording(
                connection, tenant_id=tenant_id, person_id=found.person_id, request_id=request_id
            )
            await note_step(connection, tenant_id, request_id, Step.RESUMED)
        await _noted(connection, reader, found, Step.REFUSED, words)


async def grant(database: Database, reader: SignedIn, request_id: UUID, note: str) -> None:
    """Does what was asked: an erasure begins, an objection or restriction stands, a rectification was made.

    Raises InvalidRequest.
    """
    words = plain_words(note, Field.REASON, least=LEAST_REASON if note.strip() else 0)
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        found = await _open(connection, reader, request_id)
        if found.stage is not Stage.DECISION:
            raise InvalidRequest(Field.REASON, _("There is nothing to decide about this request now."))
        if found.kind is not Kind.ERASURE:
            await queries.move(connection, tenant_id=tenant_id, request_id=request_id, stage=Stage.DONE.value)
            await _noted(connection, reader, found, Step.GRANTED, words or None)
            return
        await _check_erasable(connection, tenant_id, found)
        await queries.move(connection, tenant_id=tenant_id, request_id=request_id, stage=Stage.WORKING.value)
        await _noted(connection, reader, found, Step.GRANTED, words or None)
        await defer(connection, erasure_job.erase.with_options(once=str(request_id)), tenant_id, request_id=request_id)


async def hold(
    database: Database,
    reader: SignedIn,
    person_id: UUID,
    *,
    authority: str,
    reason: str,
    ends_on: date,
    is_told: bool,
) -> None:
    """Keeps someone's data from being erased until a day, on somebody's authority. Raises InvalidRequest."""
    today = datetime.now(UTC).date()
    if not today <= ends_on <= today + timedelta(days=3660):
        raise InvalidRequest(Field.RECEIVED, _("Ends on: give a day from today on, within ten years."))
    of = {"tenant_id": reader.tenant.tenant_id, "person_id": person_id}
    who = plain_words(authority, Field.PERSON, least=3, most=200)
    why = plain_words(reason, Field.REASON, least=LEAST_REASON, most=200)
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await queries.put_hold(connection, **of, authority=who, reason=why, ends_on=ends_on, is_told=is_told)
        await audit.record(
            connection,
            reader.tenant.tenant_id,
            Tag.LEGAL_HOLD_CHANGED,
            reader.actor,
            subject_id=person_id,
            reason=why,
            after={"ends_on": ends_on.isoformat(), "is_told": is_told},
        )


async def _check_no_other(connection: Connection, tenant_id: UUID, person_id: UUID, kind: Kind) -> None:
    if number := await queries.open_like(connection, tenant_id=tenant_id, person_id=person_id, kind=kind.value):
        raise InvalidRequest(
            Field.KIND,
            _("This has been asked for already and is not closed yet: R-%(number)s.") % {"number": f"{number:03}"},
        )


async def _stop(connection: Connection, tenant_id: UUID, person_id: UUID, kind: Kind, request_id: UUID) -> None:
    await queries.stop_recording(
        connection, tenant_id=tenant_id, person_id=person_id, cause=kind.value, request_id=request_id
    )
    await note_step(connection, tenant_id, request_id, Step.STOPPED)


async def _check_erasable(connection: Connection, tenant_id: UUID, found: Request) -> None:
    held = await queries.hold_on(
        connection, tenant_id=tenant_id, person_id=found.person_id, today=datetime.now(UTC).date()
    )
    if held is not None:
        raise InvalidRequest(
            Field.REASON,
            _("A legal hold of %(authority)s keeps this data until %(day)s. Refuse with that as the ground, or wait.")
            % {"authority": held.authority, "day": held.ends_on.isoformat()},
        )
    if not await another_owner_remains(connection, tenant_id, found.person_id):
        raise InvalidRequest(
            Field.REASON, _("This would leave the organisation without an owner. Make someone else an owner first.")
        )


async def _open(connection: Connection, reader: SignedIn, request_id: UUID) -> Request:
    """The request, locked. Raises UnknownRequest, or InvalidRequest when it is closed."""
    await queries.lock(connection, tenant_id=reader.tenant.tenant_id, request_id=request_id)
    found = await find(connection, reader.tenant.tenant_id, request_id)
    if not found.is_open:
        raise InvalidRequest(Field.REASON, _("This request is closed; nothing about it can be changed."))
    return found


async def _noted(connection: Connection, reader: SignedIn, found: Request, step: Step, note: str | None) -> None:
    tenant_id = reader.tenant.tenant_id
    await note_step(connection, tenant_id, found.request_id, step, note=note, role=reader.role.value)
    if found.kind is not Kind.ERASURE or step is not Step.GRANTED:  # nobody is left to write to
        await tell_person(connection, tenant_id, found, step)
    await audit.record(
        connection,
        tenant_id,
        Tag.RIGHTS_REQUEST_DECIDED,
        reader.actor,
        subject_id=found.person_id,
        after={"request": found.number, "kind": found.kind.value, "decision": step.value},
    )

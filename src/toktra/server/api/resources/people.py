"""People: the directory, and the figures of one named person, which are opened with a reason they read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Security
from pydantic import BaseModel, ConfigDict, Field

from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Days, MoneyRange, TokenRange
from toktra.server.audit.service import LEAST_REASON, MOST_REASON, ReasonNotUsable, usable_reason
from toktra.server.directory import service as directory
from toktra.server.directory.details import Status
from toktra.server.directory.service import ListedPerson
from toktra.server.people.names import person_named
from toktra.server.portal.look_up import look
from toktra.server.rights.requests import is_restricted
from toktra.server.tenants.attribution import attribution_of
from toktra.server.usage.overview import Overview
from toktra.server.usage.period import DEFAULT, Period
from toktra.server.web.access import Role

router = APIRouter(tags=["people"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.PEOPLE_READ])]


class Person(BaseModel):
    """An entry of the directory. It has no figures."""

    person_id: UUID
    name: Annotated[str, Field(examples=["Ada Example"])]
    email: Annotated[str | None, Field(examples=["ada@example.org"])]
    department: Annotated[str | None, Field(examples=["Engineering"])]
    manager: Annotated[str | None, Field(description="The manager's name")]
    role: Annotated[Role, Field(examples=["employee"])]
    status: Status
    is_unnamed_account: Annotated[
        bool, Field(description="An account that reports and nobody was named for; it is nobody's entry yet")
    ]

    @classmethod
    def of(cls, listed: ListedPerson) -> Person:
        return cls(
            person_id=listed.person_id,
            name=listed.name,
            email=listed.email or None,
            department=listed.department or None,
            manager=listed.manager or None,
            role=listed.role,
            status=listed.status,
            is_unnamed_account=listed.from_account,
        )


class People(BaseModel):
    """Some of the people, by id."""

    items: list[Person]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


class Look(BaseModel):
    """Why somebody's figures are opened, and of which period."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "Licence question of 20 November", "period": "30d"}]},
    )

    reason: Annotated[
        str,
        Field(min_length=LEAST_REASON, max_length=MOST_REASON, description="The person reads it under Who looked"),
    ]
    period: Annotated[Period, Field(description="Ends with yesterday")] = DEFAULT


class PersonsProvider(BaseModel):
    """One provider this person used."""

    name: str
    hosts: list[str]
    exchanges: Annotated[int, Field(ge=0)]
    tokens: TokenRange
    cost: MoneyRange | None


class PersonsDay(BaseModel):
    """One day of this person; `tokens` is null on days without an enrolled device."""

    day: date
    tokens: TokenRange | None


class PersonsUsage(BaseModel):
    """One person's figures, up to yesterday and by day: no single event, and no time."""

    person_id: UUID
    days: Days
    exchanges: Annotated[int, Field(ge=0)]
    tokens: TokenRange
    cost: MoneyRange | None
    seat_exchanges: Annotated[int, Field(ge=0)]
    unpriced_exchanges: Annotated[int, Field(ge=0)]
    providers: list[PersonsProvider]
    by_day: list[PersonsDay]

    @classmethod
    def of(cls, person_id: UUID, found: Overview) -> PersonsUsage:
        totals, window = found.totals, found.span.current
        return cls(
            person_id=person_id,
            days=Days(first=window.first_day, last=window.last_day),
            exchanges=totals.exchanges,
            tokens=TokenRange.of(totals.tokens),
            cost=MoneyRange.of(totals.cost, totals.currency),
            seat_exchanges=totals.seat_exchanges,
            unpriced_exchanges=totals.unpriced_exchanges,
            providers=[
                PersonsProvider(
                    name=one.name,
                    hosts=list(one.hosts),
                    exchanges=one.exchanges,
                    tokens=TokenRange.of(one.tokens),
                    cost=MoneyRange.of(one.cost, totals.currency),
                )
                for one in found.providers
            ],
            by_day=[
                PersonsDay(day=one.coverage.day, tokens=TokenRange.of(one.tokens.interval) if one.tokens else None)
                for one in found.days
            ],
        )


@router.get("/people", summary="The directory", responses=documented(), operation_id="list_people")
async def people(caller: Reads, limit: Limit = USUAL_ITEMS, cursor: After = None) -> People:
    """Everyone, also those who have left."""
    after = key_in(cursor, UUID)
    found = await directory.people_after(caller.database, caller.tenant_id, after, limit + 1)
    items, next_cursor = page_of(found, limit, lambda one: one.person_id)
    return People(items=[Person.of(one) for one in items], next_cursor=next_cursor)


@router.get("/people/{person_id}", summary="One person", responses=documented(404), operation_id="read_person")
async def person(caller: Reads, person_id: UUID) -> Person:
    """The entry of one person, who is told once an hour at most that it was opened."""
    try:
        known = await directory.find_person(caller.database, caller.tenant_id, person_id)
    except directory.UnknownPerson:
        raise refusals.not_found("person") from None
    await directory.note_look(caller.database, caller.reader, known.person, datetime.now(UTC))
    details = known.person.details
    return Person(
        person_id=person_id,
        name=details.name,
        email=details.email,
        department=details.department,
        manager=known.manager_name or None,
        role=details.role,
        status=details.status,
        is_unnamed_account=known.person.from_account,
    )


@router.post(
    "/people/{person_id}/usage",
    summary="Open one person's figures",
    responses=documented(404, 409, 413),
    operation_id="open_usage_of_person",
)
async def usage_of_person(
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.PEOPLE_USAGE])], person_id: UUID, asked: Look
) -> PersonsUsage:
    """The reason is stored with the look, and the person reads both under *Who looked*, with this program's name. Each
    request is a look of its own, so there is no Idempotency-Key here: an answer that holds a person is not kept.
    """
    named = await person_named(caller.database, caller.tenant_id, person_id)
    if named is None:
        raise refusals.not_found("person")
    async with caller.database.tenant(caller.tenant_id) as connection:
        if not (await attribution_of(connection, caller.tenant_id)).names_people:
            raise refusals.conflict("The organisation keeps AI use without persons. There are no figures of one.")
        if await is_restricted(connection, caller.tenant_id, person_id):
            raise refusals.conflict("This person objected or asked for restriction. Nobody opens their figures.")
    try:
        reason = usable_reason(asked.reason)
    except ReasonNotUsable:
        sentence = f"Give a purpose of {LEAST_REASON} to {MOST_REASON} characters; {named.display_name} will read it."
        raise refusals.unusable("reason", sentence) from None
    found = await look(caller.database, caller.reader, person_id, asked.period, reason)
    return PersonsUsage.of(person_id, found)

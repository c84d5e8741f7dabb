"""The trail as a page that can be searched, and as a file. Reading it is not recorded; taking it away is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from toktra.server.audit import service
from toktra.server.audit.chain import Entry, Head
from toktra.server.audit.presentation import TAG_WORDS, AuditLine, lines_of
from toktra.server.audit.service import Search
from toktra.server.audit.tags import Tag
from toktra.server.people.names import names_of, people_called
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.exports import as_file, csv_parts
from toktra.server.web.language import _
from toktra.server.web.listing import PAGE_ROWS, Listing, UnknownChoice
from toktra.server.web.page import Page, Visit

COLUMNS: Final = (
    *("number", "at", "tag", "actor", "actor_id", "actor_name", "actor_role", "command"),
    *("subject_id", "subject_name", "reason", "before", "after", "previous_hash", "hash"),
)


def audit_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/audit", trail, action=Action.READ_AUDIT),
        Page("/audit/check", check, action=Action.READ_AUDIT, methods=("POST",)),
        Page("/audit.csv", export, action=Action.EXPORT_AUDIT, methods=("POST",), needs_fresh=True),
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, and what cannot be sought."""

    listing: Listing
    search: Search
    nobody: bool
    """Whether a person was named whom this organisation does not have, so that nothing can be found."""


async def trail(visit: Visit) -> Response:
    """Entries, newest first, as the address asks."""
    try:
        asked = await _asked(visit)
    except UnknownChoice as error:
        return _unknown(error)
    return await _show(visit, asked)


async def check(visit: Visit) -> Response:
    """Checks the whole chain now, and says so on the same page."""
    try:
        asked = await _asked(visit)
    except UnknownChoice as error:
        return _unknown(error)
    verdict = await service.verify(visit.database, visit.reader.tenant.tenant_id)
    return await _show(visit, asked, verdict)


async def export(visit: Visit) -> Response:
    """The entries that the address asks for as a CSV file; that they were taken is an entry too."""
    try:
        asked = await _asked(visit)
    except UnknownChoice as error:
        return _unknown(error)
    reader = visit.reader
    tenant_id = reader.tenant.tenant_id
    found = 0 if asked.nobody else await service.count(visit.database, tenant_id, asked.search)
    async with visit.database.tenant(tenant_id) as connection:
        head = await service.record(connection, tenant_id, Tag.AUDIT_EXPORTED, reader.actor, after={"entries": found})
    up_to = 0 if asked.nobody else head.number - 1
    parts = csv_parts(COLUMNS, _rows(visit, tenant_id, asked.search, up_to))
    # The name holds how far the trail reached, so that whoever has the file can tell when an end is missing later.
    return as_file(f"audit-to-{up_to}.csv", "text/csv; charset=utf-8", parts)


async def _rows(visit: Visit, tenant_id: UUID, search: Search, up_to: int) -> AsyncIterator[Sequence[Sequence[str]]]:
    async for entries in service.find_all(visit.database, tenant_id, search, up_to=up_to):
        names = await names_of(visit.database, tenant_id, _people_in(entries))
        yield [_row(entry, names) for entry in entries]


def _row(entry: Entry, names: Mapping[UUID, str]) -> list[str]:
    values = (
        entry.number,
        f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        entry.tag,
        entry.actor,
        entry.actor_id,
        names.get(entry.actor_id) if entry.actor_id else None,
        entry.actor_role,
        entry.command,
        entry.subject_id,
        names.get(entry.subject_id) if entry.subject_id else None,
        entry.reason,
        *(None if detail is None else msgspec.json.encode(detail).decode() for detail in (entry.before, entry.after)),
        entry.previous_hash.hex(),
        entry.hash.hex(),
    )
    return ["" if value is None else str(value) for value in values]


async def _show(visit: Visit, asked: Asked, verdict: service.Verdict | None = None) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    entries: list[Entry] = []
    total = 0
    if not asked.nobody:
        total = await service.count(visit.database, tenant_id, asked.search)
        entries = await service.find(visit.database, tenant_id, asked.search, offset=asked.listing.skip, most=PAGE_ROWS)
    names = await names_of(visit.database, tenant_id, _people_in(entries))
    head: Head | None = await service.head(visit.database, tenant_id)
    lines: list[AuditLine] = lines_of(entries, names)
    return visit.show(
        "audit/trail.html",
        here="/audit",
        listing=asked.listing,
        lines=lines,
        total=total,
        tags=[("", _("All")), *((tag.value, words) for tag, words in TAG_WORDS.items())],
        head=head,
        verdict=verdict,
        may_export=visit.may(Action.EXPORT_AUDIT),
    )


async def _asked(visit: Visit) -> Asked:
    """Raises UnknownChoice for a tag or a day that does not exist."""
    parameters = visit.request.query_params
    listing = Listing.read(
        "/audit", parameters, sorts=("newest",), choices={"tag": ("", *Tag)}, free=("person", "from", "to")
    )
    tag = listing.chosen["tag"]
    search = Search(
        tag=Tag(tag) if tag else None,
        words=listing.search or None,
        first=_day(listing, "from"),
        last=_day(listing, "to"),
    )
    if not listing.free["person"]:
        return Asked(listing, search, nobody=False)
    people = await people_called(visit.database, visit.reader.tenant.tenant_id, listing.free["person"])
    if not people:
        return Asked(listing, search, nobody=True)
    return Asked(listing, replace(search, people=tuple(person.person_id for person in people)), nobody=False)


def _day(listing: Listing, name: str) -> date | None:
    text = listing.free[name]
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UnknownChoice(name, text) from None
    if not date(2000, 1, 1) <= day < date(9000, 1, 1):
        raise UnknownChoice(name, text)
    return day


def _people_in(entries: Sequence[Entry]) -> list[UUID]:
    return [person for entry in entries for person in (entry.actor_id, entry.subject_id) if person]


def _unknown(error: UnknownChoice) -> Response:
    return notices.bad_request(
        _("That cannot be sought"),
        _("“%(value)s” is not a %(field)s that exists. Days are written 2026-11-22.")
        % {"value": error.value, "field": error.field},
        "/audit",
        _("Show all entries"),
    )

"""Recording, reading and checking over PostgreSQL: in step with what is recorded, one at a time, tamper-evident."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from toktra.server.audit import service
from toktra.server.audit.chain import Fault, Head
from toktra.server.audit.service import Actor, NotRecordable, ReasonNotUsable, Search, usable_reason
from toktra.server.audit.tags import CARRIES, Tag
from toktra.server.database.pool import Database
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls


async def some(database: Database, tenant: Tenant, number: int = 1, **changes: object) -> Head:
    """So many entries, each in a transaction of its own; the newest head."""
    for _ in range(number):
        async with database.tenant(tenant.tenant_id) as connection:
            head = await service.record(
                connection,
                tenant.tenant_id,
                Tag.DEVICE_ENROLLED,
                Actor.system(),
                **{"after": {"device": "desk"}, **changes},  # type: ignore[arg-type]
            )
    return head


async def broken(database: Database, tenant: Tenant, expected: Head | None = None) -> tuple[int, Fault] | None:
    found = (await service.verify(database, tenant.tenant_id, expected)).broken
    return (found.number, found.fault) if found else None


def test_every_tag_says_what_it_may_carry() -> None:
    assert set(CARRIES) == set(Tag)


async def test_an_entry_comes_back_as_it_was_recorded(database: Database, tenant: Tenant) -> None:
    person, subject = uuid4(), uuid4()
    async with database.tenant(tenant.tenant_id) as connection:
        head = await service.record(
            connection,
            tenant.tenant_id,
            Tag.DEVICE_REVOKED,
            Actor.person(person, Role.ADMINISTRATOR),
            subject_id=subject,
            reason="Lost on a train – “ICE 5”",
            before={"status": "active", "device": "=1+1"},
            after={"status": "revoked"},
        )
    entry = (await service.find(database, tenant.tenant_id, Search(), offset=0, most=9))[0]
    assert (entry.number, entry.tag, entry.actor, entry.actor_id) == (1, "device:revoked", "person", person)
    assert (entry.actor_role, entry.subject_id, entry.reason) == ("administrator", subject, "Lost on a train – “ICE 5”")
    assert entry.before == {"status": "active", "device": "=1+1"}
    assert entry.after == {"status": "revoked"}
    assert await service.head(database, tenant.tenant_id) == head == Head(1, entry.hash)
    assert await broken(database, tenant) is None


async def test_what_is_undone_leaves_no_entry_and_no_gap(database: Database, tenant: Tenant) -> None:
    await some(database, tenant)

    async def fail_after_recording() -> None:
        async with database.tenant(tenant.tenant_id) as connection:
            await service.record(connection, tenant.tenant_id, Tag.SESSION_STARTED, Actor.system())
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_recording()
    assert (await some(database, tenant)).number == 2
    assert await broken(database, tenant) is None


async def test_many_at_once_make_one_chain(database: Database, tenant: Tenant, other_tenant: Tenant) -> None:
    await asyncio.gather(*(some(database, one, 5) for one in (tenant, other_tenant) for _ in range(8)))
    for one in (tenant, other_tenant):
        verdict = await service.verify(database, one.tenant_id)
        assert verdict.broken is None
        assert verdict.head is not None
        assert verdict.head.number == 40


async def test_organisations_do_not_wait_for_each_other(
    database: Database, tenant: Tenant, other_tenant: Tenant
) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        await service.record(connection, tenant.tenant_id, Tag.SESSION_STARTED, Actor.system())
        await asyncio.wait_for(some(database, other_tenant), 10)  # while the first is still open


TAMPERINGS: dict[str, tuple[list[LiteralString], tuple[int, Fault]]] = {
    "a reason": (["update audit_entry set reason = 'other' where number = 3"], (3, Fault.CHANGED)),
    "a time": (["update audit_entry set at = at + interval '1 microsecond' where number = 3"], (3, Fault.CHANGED)),
    "a detail": (['update audit_entry set after = \'{"device": "x"}\' where number = 3'], (3, Fault.CHANGED)),
    "a number for a word": (
        ["update audit_entry set after = '{\"device\": 1.5}' where number = 3"],
        (3, Fault.CHANGED),
    ),
    "a role": (
        ["update audit_entry set actor = 'person', actor_id = tenant_id, actor_role = 'owner' where number = 3"],
        (3, Fault.CHANGED),
    ),
    "a tag nobody knows": (["update audit_entry set tag = 'x:y' where number = 3"], (3, Fault.CHANGED)),
    "a hash": (["update audit_entry set hash = decode(repeat('00', 32), 'hex') where number = 3"], (3, Fault.CHANGED)),
    "one removed": (["delete from audit_entry where number = 3"], (3, Fault.MISSING)),
    "the first removed": (["delete from audit_entry where number = 1"], (1, Fault.MISSING)),
    "the gap closed": (
        ["delete from audit_entry where number = 3", "update audit_entry set number = number - 1 where number > 3"],
        (3, Fault.NOT_LINKED),
    ),
    "two changed places": (
        [
            "update audit_entry set number = 99 where number = 3",
            "update audit_entry set number = 3 where number = 4",
            "update audit_entry set number = 4 where number = 99",
        ],
        (3, Fault.NOT_LINKED),
    ),
    "one put in again": (
        [
            "update audit_entry set number = number + 1000 where number > 3",
            (
                "insert into audit_entry select tenant_id, 4, at, tag, actor, actor_id, actor_role, command, "
                "subject_id, reason, before, after, previous_hash, hash from audit_entry where number = 3"
            ),
            "update audit_entry set number = number - 999 where number > 1000",
        ],
        (4, Fault.NOT_LINKED),
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_whatever_is_done_to_the_table_is_found(
    database: Database, urls: Urls, tenant: Tenant, other_tenant: Tenant, what: str
) -> None:
    await some(database, tenant, 6)
    await some(database, other_tenant, 2)
    statements, expected = TAMPERINGS[what]
    with psycopg.connect(urls.superuser) as connection:
        for statement in statements:
            whose = sql.SQL("where tenant_id = {} and ").format(tenant.tenant_id)
            before, after = statement.split("where ")
            connection.execute(sql.SQL(before) + whose + sql.SQL(after))
    assert await broken(database, tenant) == expected
    assert await broken(database, other_tenant) is None


async def test_a_cut_end_is_found_with_the_head_that_was_noted(database: Database, urls: Urls, tenant: Tenant) -> None:
    noted = await some(database, tenant, 4)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from audit_entry where number >= 3")
    assert await broken(database, tenant) is None
    assert await broken(database, tenant, noted) == (4, Fault.CUT_OFF)
    await some(database, tenant, 3)  # and life goes on
    assert await broken(database, tenant) is None
    assert await broken(database, tenant, noted) == (4, Fault.REWRITTEN)


async def test_a_trail_longer_than_one_reading_is_checked_whole(
    database: Database, tenant: Tenant, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_READ_AT_ONCE", 3)
    await some(database, tenant, 10)
    assert await broken(database, tenant) is None
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update audit_entry set reason = 'x' where number = 8")
    assert await broken(database, tenant) == (8, Fault.CHANGED)
    found = [entry async for part in service.find_all(database, tenant.tenant_id, Search(), up_to=9) for entry in part]
    assert [entry.number for entry in found] == [9, 8, 7, 6, 5, 4, 3, 2, 1]


async def test_what_a_tag_cannot_carry_is_not_recorded(database: Database, tenant: Tenant) -> None:
    with pytest.raises(NotRecordable, match="device:enrolled cannot carry prompt"):
        await some(database, tenant, after={"prompt": "hello"})
    async with database.tenant(tenant.tenant_id) as connection:
        with pytest.raises(NotRecordable, match="usage:viewed needs a reason"):
            await service.record(connection, tenant.tenant_id, Tag.USAGE_VIEWED, Actor.system(), subject_id=uuid4())
    assert await service.head(database, tenant.tenant_id) is None


async def test_search(database: Database, tenant: Tenant, other_tenant: Tenant) -> None:
    ada, kim = uuid4(), uuid4()
    by_kim = Actor.person(kim, Role.AUDITOR)
    async with database.tenant(tenant.tenant_id) as connection:
        for tag, actor, subject, reason in (
            (Tag.SESSION_STARTED, by_kim, None, None),
            (Tag.USAGE_VIEWED, by_kim, ada, "50 % more_than"),
            (Tag.SIGN_IN_LINK_CREATED, Actor.by_command("server sign-in-link"), ada, None),
            (Tag.SESSION_STARTED, Actor.person(ada, Role.EMPLOYEE), None, None),
        ):
            await service.record(connection, tenant.tenant_id, tag, actor, subject_id=subject, reason=reason)
    await some(database, other_tenant, 3)

    async def numbers(**asked: object) -> list[int]:
        search = Search(**asked)  # type: ignore[arg-type]
        found = await service.find(database, tenant.tenant_id, search, offset=0, most=50)
        assert await service.count(database, tenant.tenant_id, search) == len(found)
        return [entry.number for entry in found]

    today = (await service.find(database, tenant.tenant_id, Search(), offset=0, most=1))[0].at.date()
    assert await numbers() == [4, 3, 2, 1]
    assert await numbers(tag=Tag.SESSION_STARTED) == [4, 1]
    assert await numbers(people=(ada,)) == [4, 3, 2]
    assert await numbers(people=(kim, ada)) == [4, 3, 2, 1]
    assert await numbers(people=(uuid4(),)) == []
    assert await numbers(words="SIGN-IN") == [3]
    assert await numbers(words="0 % m") == [2]
    assert await numbers(words="%") == [2]
    assert await numbers(words="e_than") == [2]
    assert await numbers(words="eXthan") == []
    assert await numbers(first=today, last=today) == [4, 3, 2, 1]
    assert await numbers(last=today.replace(year=today.year - 1)) == []
    assert [e.number for e in await service.find(database, tenant.tenant_id, Search(), offset=1, most=2)] == [3, 2]


@pytest.mark.parametrize("text", ["", "    ", "abcd", "a" * 201, "hide\u202etxt.exe", "bell\x07bell", "null\x00null"])
def test_what_cannot_stand_as_a_reason(text: str) -> None:
    with pytest.raises(ReasonNotUsable):
        usable_reason(text)


def test_a_reason_is_kept_on_one_line() -> None:
    assert usable_reason("  November\r\n budget\treview ") == "November budget review"

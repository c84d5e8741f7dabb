"""The trail as auditors see it: searched, paged, checked, taken away, and never another organisation's."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import psycopg
import pytest

from toktra.server.audit import service
from toktra.server.audit.presentation import TAG_WORDS
from toktra.server.audit.routes import COLUMNS
from toktra.server.audit.service import Actor, Search
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant as FoundTenant
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls


@pytest.fixture
async def north(database: Database, tenant: object) -> FoundTenant:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return found


@pytest.fixture
async def auditor(database: Database, north: FoundTenant) -> UUID:
    return await add_person(
        database, north.tenant_id, display_name="Aud <Itor>", role=Role.AUDITOR, email="aud@example.org"
    )


@pytest.fixture
async def site(api: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID) -> httpx.AsyncClient:
    """The auditor's browser; signing in made the first two entries."""
    await api.post(await create_sign_in_link(database, north, auditor))
    return api


async def look(database: Database, tenant_id: UUID, who: UUID, whom: UUID, reason: str) -> None:
    async with database.tenant(tenant_id) as connection:
        await service.record(
            connection,
            tenant_id,
            Tag.USAGE_VIEWED,
            Actor.person(who, Role.AUDITOR),
            subject_id=whom,
            reason=reason,
            after={"first_day": "2026-11-01", "last_day": "2026-11-07"},
        )


def test_every_tag_has_words() -> None:
    assert set(TAG_WORDS) == set(Tag)


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"No\. (\d+)", text)]


async def test_entries_are_shown_with_names_reasons_and_details(
    site: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID
) -> None:
    kim = await add_person(database, north.tenant_id, display_name="Kim Example", role=Role.EMPLOYEE)
    await look(database, north.tenant_id, auditor, kim, "because <i>so</i>")
    text = (await site.get("/audit")).text
    assert numbers(text) == [3, 2, 1]
    for said in ("Aud &lt;Itor&gt;", "Kim Example", "because &lt;i&gt;so&lt;/i&gt;", "first day: 2026-11-01", "Audit"):
        assert said in text
    assert "toktra server sign-in-link" in text
    head = await service.head(database, north.tenant_id)
    assert str(head) in text


async def test_search_by_everything_the_form_has(
    site: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID
) -> None:
    kim = await add_person(database, north.tenant_id, display_name="Kim Example", role=Role.EMPLOYEE)
    await look(database, north.tenant_id, auditor, kim, "November review")

    async def found(query: str) -> list[int]:
        answer = await site.get(f"/audit?{query}")
        assert answer.status_code == 200
        return numbers(answer.text)

    assert await found("q=november") == [3]
    assert await found("tag=usage%3Aviewed") == [3]
    assert await found("person=KIM+example") == [3]
    assert await found("person=aud%40example.org") == [3, 2, 1]
    assert await found("person=Nobody") == []
    assert await found("from=2020-01-01&to=2099-01-01") == [3, 2, 1]
    assert await found("from=2099-01-01") == []
    assert await found("q=november&tag=session%3Astarted") == []


@pytest.mark.parametrize("query", ["tag=x:y", "from=yesterday", "to=2026-02-30", "from=0001-01-01", "to=9999-12-31"])
async def test_what_cannot_be_sought_is_refused_by_name(site: httpx.AsyncClient, query: str) -> None:
    for method, path in (("GET", "/audit"), ("POST", "/audit/check"), ("POST", "/audit.csv")):
        answer = await site.request(method, f"{path}?{query}")
        assert answer.status_code == 400
        assert "That cannot be sought" in answer.text


async def test_pages_of_fifty(site: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID) -> None:
    for number in range(60):
        await look(database, north.tenant_id, auditor, auditor, f"reason {number}")
    assert numbers((await site.get("/audit")).text) == list(range(62, 12, -1))
    second = (await site.get("/audit?page=2")).text
    assert numbers(second) == list(range(12, 0, -1))
    assert "51–62 of 62 entries" in second
    assert numbers((await site.get("/audit?page=9")).text) == []


async def test_the_chain_is_checked_on_the_page(site: httpx.AsyncClient, urls: Urls) -> None:
    assert "The trail holds" in (await site.post("/audit/check")).text
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update audit_entry set actor_role = 'owner' where number = 2")
    text = (await site.post("/audit/check")).text
    assert "The trail does not hold" in text
    assert "Entry 2 was changed after it was written" in text


async def test_the_file_has_everything_neutralised_and_taking_it_is_an_entry(
    site: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_READ_AT_ONCE", 2)
    for reason in ("=cmd|' /C calc'!A0", "+1+1+1", "@SUM(A1)", "-2+3+4", 'plain, "quoted"\u2009text'):
        await look(database, north.tenant_id, auditor, auditor, reason)
    answer = await site.post("/audit.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-to-7.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == ["7", "6", "5", "4", "3", "2", "1"]
    assert rows[0]["reason"] == 'plain, "quoted"\u2009text'
    assert all(row["reason"].startswith("'") for row in rows[1:5])
    assert (rows[0]["actor_name"], rows[0]["actor_role"], rows[0]["actor_id"]) == (
        "Aud <Itor>",
        "auditor",
        str(auditor),
    )
    stored = await service.find(database, north.tenant_id, Search(), offset=0, most=9)
    assert [row["hash"] for row in rows] == [entry.hash.hex() for entry in stored[1:]]
    assert (stored[0].tag, stored[0].after) == ("audit:exported", {"entries": 7})
    narrowed = await site.post("/audit.csv?tag=session%3Astarted")
    assert len(narrowed.content.splitlines()) == 2
    assert len((await site.post("/audit.csv?person=Nobody")).content.splitlines()) == 1


async def test_another_organisations_trail_is_not_there(
    site: httpx.AsyncClient, database: Database, other_tenant: Tenant
) -> None:
    stranger = await add_person(database, other_tenant.tenant_id, display_name="Stranger", role=Role.EMPLOYEE)
    await look(database, other_tenant.tenant_id, stranger, stranger, "Elsewhere only")
    for answer in (
        await site.get("/audit"),
        await site.get("/audit?q=Elsewhere"),
        await site.get("/audit?person=Stranger"),
        await site.post("/audit.csv"),
    ):
        assert "Elsewhere only" not in answer.text


async def test_someone_no_longer_known_is_still_an_entry(
    site: httpx.AsyncClient, database: Database, north: FoundTenant, auditor: UUID
) -> None:
    gone = UUID("abcdef01-0000-4000-8000-000000000000")
    await look(database, north.tenant_id, auditor, gone, "before they left")
    assert "Person no longer known (abcdef01)" in (await site.get("/audit")).text

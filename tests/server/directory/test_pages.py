"""The directory's pages over the whole application: finding, adding, changing, and what is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import httpx
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

Person = Callable[..., Awaitable[UUID]]
Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]
Rows = Callable[..., list[tuple[object, ...]]]


def fields(**changes: str) -> dict[str, str]:
    return {"name": "Ada Example", "email": "ada@example.org", "department": "", "manager": "", **changes}


async def test_someone_is_added_found_and_changed(site: httpx.AsyncClient, rows: Rows) -> None:
    answer = await site.post("/people/new", data=fields(department="Research", manager="robin@example.org"))
    assert answer.status_code == 303
    page = await site.get(answer.headers["location"])
    assert "Ada Example" in page.text
    assert 'value="robin@example.org"' in page.text
    for search in ("ADA", "example.org", "resea"):
        assert "Ada Example" in (await site.get("/people", params={"q": search})).text
    assert "Nobody found" in (await site.get("/people", params={"q": "100%"})).text, "% means itself"
    here = answer.headers["location"].partition("?")[0]
    assert (await site.post(here, data=fields(name="Ada  Sample ", role="finance"))).status_code == 303
    assert rows("select display_name, role, department from person where email = 'ada@example.org'") == [
        ("Ada Sample", "finance", None)
    ]


async def test_what_is_done_is_in_the_audit_trail_without_names(site: httpx.AsyncClient, rows: Rows) -> None:
    here = (await site.post("/people/new", data=fields())).headers["location"].partition("?")[0]
    await site.post(here, data=fields(name="Ada Sample", role="auditor"))
    assert rows("select tag, before, after from audit_entry where tag like 'person:%%' order by number") == [
        ("person:added", None, {"role": "employee"}),
        ("person:changed", {"role": "employee"}, {"role": "auditor", "fields": "name"}),
    ]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": "  "}, "name", "say what this person is called"),
        ({"name": "x" * 201}, "name", "longer than 200"),
        ({"name": "a\u0000b"}, "name", "cannot be printed"),
        ({"name": "a\u202eb"}, "name", "cannot be printed"),
        ({"email": "nonsense"}, "email", "is not an e-mail address"),
        ({"email": "ROBIN@example.org"}, "email", "robin@example.org is already Robin Example’s"),
        ({"manager": "nobody@example.org"}, "manager", "nobody here has the e-mail"),
        ({"role": "emperor"}, "role", "there is no role"),
    ],
)
async def test_a_refusal_names_the_field_keeps_what_was_typed_and_changes_nothing(
    site: httpx.AsyncClient, rows: Rows, changes: dict[str, str], field: str, words: str
) -> None:
    answer = await site.post("/people/new", data=fields(department="Research", **changes))
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    assert f'id="{field}-error"' in answer.text
    assert 'value="Research"' in answer.text
    assert rows("select count(*) from person") == [(1,)]


async def test_nobody_manages_themselves_however_long_the_way(
    site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    ada, bob, cleo = [await person(name, f"{name}@example.org") for name in ("ada", "bob", "cleo")]
    for below, above in ((ada, "bob"), (bob, "cleo")):
        name = "ada" if below == ada else "bob"
        data = {"name": name, "email": f"{name}@example.org", "manager": f"{above}@example.org"}
        assert (await site.post(f"/people/{below}", data=data)).status_code == 303
    for above in ("ada", "bob", "cleo"):
        data = {"name": "cleo", "email": "cleo@example.org", "manager": f"{above}@example.org"}
        answer = await site.post(f"/people/{cleo}", data=data)
        assert answer.status_code == 422
        assert "works under them" in answer.text
    assert rows("select count(*) from person where manager_id is not null") == [(2,)]


async def test_roles_are_changed_by_owners_only(
    admin_site: httpx.AsyncClient, administrator: object, person: Person, rows: Rows
) -> None:
    del administrator
    ada = await person("Ada Example", "ada@example.org")
    assert 'name="role"' not in (await admin_site.get(f"/people/{ada}")).text
    for path in ("/people/new", f"/people/{ada}"):
        answer = await admin_site.post(path, data=fields(role="owner", email="eve@example.org"))
        assert answer.status_code == 422
        assert "only an owner changes roles" in answer.text
    assert (await admin_site.post(f"/people/{ada}", data=fields(department="Sales"))).status_code == 303
    assert rows("select role from person where person_id = %s", ada) == [("employee",)]


async def test_an_administrator_cannot_get_into_a_higher_role_by_its_address(
    admin_site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    officer = await person("Kim Sample", "kim@example.org", Role.PRIVACY_OFFICER)
    data = {"name": "Kim Sample", "email": "sam+kim@example.org"}
    answer = await admin_site.post(f"/people/{officer}", data=data)
    assert answer.status_code == 422
    assert "only an owner changes it" in answer.text
    assert "only an owner changes it" in (await admin_site.post(f"/people/{officer}/leave")).text
    data = {"name": "Kim Sample", "email": "kim@example.org", "department": "Legal"}
    assert (await admin_site.post(f"/people/{officer}", data=data)).status_code == 303
    assert rows("select email, status, department from person where person_id = %s", officer) == [
        ("kim@example.org", "active", "Legal")
    ]


async def test_the_last_owner_stays(site: httpx.AsyncClient, owner_id: UUID, person: Person, rows: Rows) -> None:
    data = {"name": "Robin Example", "email": "robin@example.org", "role": "employee"}
    for path in (f"/people/{owner_id}", f"/people/{owner_id}/leave"):
        answer = await site.post(path, data=data)
        assert answer.status_code == 422
        assert "is the last owner" in answer.text
    second = await person("Lou Example", "lou@example.org", Role.OWNER)
    assert (await site.post(f"/people/{second}/leave")).status_code == 200
    assert "is the last owner" in (await site.post(f"/people/{owner_id}", data=data)).text, (
        "one who left does not count"
    )
    assert rows("select status from person where person_id = %s", owner_id) == [("active",)]


async def test_two_owners_who_remove_each_other_at_once_do_not_both_succeed(
    site: httpx.AsyncClient, owner_id: UUID, person: Person, browser: Browser, rows: Rows
) -> None:
    import asyncio

    second = await person("Lou Example", "lou@example.org", Role.OWNER)
    other = await browser(second)
    await asyncio.gather(site.post(f"/people/{second}/leave"), other.post(f"/people/{owner_id}/leave"))
    assert rows("select count(*) from person where role = 'owner' and status = 'active'") == [(1,)]


async def test_another_sites_form_changes_nothing(site: httpx.AsyncClient, person: Person, rows: Rows) -> None:
    ada = await person("Ada Example", "ada@example.org")
    for path in ("/people/new", f"/people/{ada}", f"/people/{ada}/leave", "/people/import"):
        answer = await site.post(path, data=fields(name="Eve"), headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
    assert rows("select count(*) from person where display_name = 'Eve' or status <> 'active'") == [(0,)]


async def test_another_organisations_person_does_not_exist_here(
    site: httpx.AsyncClient, database: Database, other_tenant: object, rows: Rows
) -> None:
    del other_tenant
    south = await find_tenant(database, "south")
    assert south is not None
    theirs = await add_person(database, south.tenant_id, display_name="Theirs", role=Role.EMPLOYEE, email="t@s.example")
    assert (await site.get(f"/people/{theirs}")).status_code == 404
    for path in (f"/people/{theirs}", f"/people/{theirs}/leave", f"/people/{theirs}/return"):
        assert (await site.post(path, data=fields())).status_code == 404
    assert "Theirs" not in (await site.get("/people?show=all")).text
    answer = await site.post("/people/new", data=fields(manager="t@s.example"))
    assert "nobody here has the e-mail" in answer.text
    assert rows("select status from person where person_id = %s", theirs) == [("active",)]
    assert (await site.get(f"/people/{uuid4()}")).status_code == 404


async def test_the_list_is_ordered_filtered_and_paged(site: httpx.AsyncClient, rows: Rows) -> None:
    rows(
        "insert into person (tenant_id, display_name, email, department, role) select tenant_id, 'Person ' || "
        "lpad(n::text, 3, '0'), 'p' || n || '@example.org', case when n %% 2 = 0 then 'Sales' else 'Research' end, "
        "case when n = 7 then 'auditor' else 'employee' end from tenant, generate_series(1, 120) n where slug = 'north'"
    )
    first = (await site.get("/people")).text
    assert "1–50 of 121" in first
    assert "Person 050" in first
    assert "Person 051" not in first
    last = (await site.get("/people?sort=-name")).text
    assert last.index("Robin Example") < last.index("Person 120")
    assert 'aria-sort="descending"' in last
    assert "101–121 of 121" in (await site.get("/people?page=3")).text
    assert "1–50 of 121" in (await site.get("/people?page=99")).text, "beyond the end is the first page"
    assert "1–50 of 60" in (await site.get("/people?department=Sales")).text
    assert "1–1 of 1 " in (await site.get("/people?role=auditor")).text
    for wrong in ("sort=salary", "show=secrets", "role=emperor"):
        answer = await site.get(f"/people?{wrong}")
        assert answer.status_code == 400
        assert "does not exist" in answer.text
    assert (await site.get("/people", params={"q": "\0'%_\\", "page": "-1"})).status_code == 200


async def test_the_download_has_no_formulas_and_what_was_searched(
    site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    await person('=HYPERLINK("http://evil.example")', "ada@example.org")
    await person("@sum", "bob@example.org")
    rows("update person set department = '-1+1', manager_id = (select person_id from person where role = 'owner') "
         "where email = 'ada@example.org'")  # fmt: skip
    answer = await site.get("/people.csv?q=ada")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="people.csv"'
    assert list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))) == [
        ["Name", "E-mail", "Department", "Manager", "Role", "Status"],
        ['\'=HYPERLINK("http://evil.example")', "ada@example.org", "'-1+1", "robin@example.org", "employee", "active"],
    ]
    assert rows("select after from audit_entry where tag = 'people:exported'") == [({"people": 1},)]


async def test_readers_see_and_cannot_change(browser: Browser, person: Person, database: Database) -> None:
    officer = await browser(await person("Kim Sample", "kim@example.org", Role.PRIVACY_OFFICER))
    ada = await person("Ada Example", "ada@example.org")
    page = (await officer.get(f"/people/{ada}")).text
    assert "ada@example.org" in page
    assert f'action="/people/{ada}' not in page
    assert (await officer.post(f"/people/{ada}", data=fields(name="Eve"))).status_code == 403


async def test_a_form_that_cannot_be_read_changes_nothing(
    site: httpx.AsyncClient, organisation: Tenant, person: Person, rows: Rows
) -> None:
    del organisation
    ada = await person("Ada Example", "ada@example.org")
    for sent in (
        {"content": b"{}", "headers": {"content-type": "application/json"}},
        {"content": b"name=" + b"x" * 70_000, "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"name=a&name=b", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ):
        assert (await site.post(f"/people/{ada}", **sent)).status_code == 400  # type: ignore[arg-type]
    assert rows("select display_name from person where person_id = %s", ada) == [("Ada Example",)]

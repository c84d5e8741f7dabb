"""An import from upload to decision, over the whole application: nothing before it is shown, then exactly that."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from toktra.server.people.service import SignedIn
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

Person = Callable[..., Awaitable[UUID]]
Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]
Rows = Callable[..., list[tuple[object, ...]]]

PEOPLE = "select display_name, email, department, role, status from person order by email"


async def upload(site: httpx.AsyncClient, text: str | bytes, name: str = "people.csv") -> str:
    """The address of the plan."""
    content = text if isinstance(text, bytes) else text.encode()
    answer = await site.post("/people/import", files={"file": (name, content)})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def shown(site: httpx.AsyncClient, place: str) -> tuple[str, str]:
    """The plan's page and its digest."""
    page = (await site.get(place)).text
    found = re.search(r'name="plan" value="([0-9a-f]{64})"', page)
    return page, found[1] if found else ""


async def test_nothing_is_written_until_the_plan_is_applied_and_then_exactly_it(
    site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    await person("Ada", "ada@example.org")
    before = rows(PEOPLE)
    text = (
        "Name;E-Mail;Abteilung;Manager;Rolle\nAda Größe;ada@example.org;Büro;cleo@example.org;\n"
        "Cleo;cleo@example.org;;robin@example.org;auditor\nDan;dan;;;\nRobin Example;robin@example.org;;;\n"
    )
    place = await upload(site, text.encode("cp1252"))
    page, digest = await shown(site, place)
    assert rows(PEOPLE) == before
    assert "was read as Windows-1252" in page
    for words in (
        "Ada → Ada Größe",
        "none → Büro",
        "Manager: none → Cleo",
        "is not an e-mail address",
        "1 person would",
    ):
        assert words in page
    refused = (await site.get(f"{place}?fate=refused")).text
    assert "Ada → Ada" not in refused
    applied = await site.post(f"{place}/apply", data={"plan": digest})
    assert applied.status_code == 200
    assert "1 person was added, 1 changed" in applied.text
    assert "1 row was refused" in applied.text
    assert rows(PEOPLE) == [
        ("Ada Größe", "ada@example.org", "Büro", "employee", "active"),
        ("Cleo", "cleo@example.org", None, "auditor", "active"),
        ("Robin Example", "robin@example.org", None, "owner", "active"),
    ]
    assert rows(
        "select p.display_name, m.display_name from person p join person m on m.person_id = p.manager_id order by 1"
    ) == [("Ada Größe", "Cleo"), ("Cleo", "Robin Example")]
    assert rows("select count(*) from people_import") == [(0,)], "the file is forgotten"
    ((cleo,),) = rows("select person_id from person where email = 'cleo@example.org'")
    assert rows("select tag, subject_id, after from audit_entry where tag like 'pe%%' order by number") == [
        ("person:added", cleo, {"role": "auditor"}),
        ("people:imported", None, {"new": 1, "changed": 1, "refused": 1}),
    ]
    assert (await site.post(f"{place}/apply", data={"plan": digest})).status_code == 400, "once"


async def test_leaving_by_import_ends_the_same_as_leaving_by_hand(
    site: httpx.AsyncClient, browser: Browser, person: Person, device: SignedDevice, rows: Rows
) -> None:
    ada = await person("Ada", "ada@example.org", Role.AUDITOR)
    theirs = await browser(ada)
    await device.send(device.batch(1, 1))
    await site.post(f"/devices/{device.enrolled.device}/accounts", data={"account": "ada", "email": "ada@example.org"})
    place = await upload(site, "name,email,status\nAda,ada@example.org,inactive\n")
    page, digest = await shown(site, place)
    assert "1 person leaves" in page
    answer = await site.post(f"{place}/apply", data={"plan": digest})
    assert "1 device was revoked" in answer.text
    assert (await theirs.get("/")).status_code == 401
    assert (await device.send(device.batch(2, 1))).status_code == 403
    assert rows("select status, left_at is not null from person where person_id = %s", ada) == [("inactive", True)]


async def test_a_directory_that_changed_meanwhile_is_not_written_over(
    site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    ada = await person("Ada", "ada@example.org")
    place = await upload(site, "name,email,department\nAda,ada@example.org,Sales\n")
    _page, digest = await shown(site, place)
    await site.post(f"/people/{ada}", data={"name": "Ada", "email": "ada@example.org", "department": "Research"})
    answer = await site.post(f"{place}/apply", data={"plan": digest})
    assert answer.status_code == 409
    assert "Nothing was written" in answer.text
    assert "Research → Sales" in answer.text
    assert rows("select department from person where person_id = %s", ada) == [("Research",)]
    _page, digest = await shown(site, place)
    assert (await site.post(f"{place}/apply", data={"plan": digest})).status_code == 200
    assert rows("select department from person where person_id = %s", ada) == [("Sales",)]


@pytest.mark.parametrize("digest", ["", "0" * 64, "nonsense"])
async def test_a_plan_that_was_not_shown_is_not_applied(site: httpx.AsyncClient, rows: Rows, digest: str) -> None:
    place = await upload(site, "name,email\nAda,ada@example.org\n")
    assert (await site.post(f"{place}/apply", data={"plan": digest})).status_code == 409
    assert rows("select count(*) from person") == [(1,)]


async def test_columns_can_be_said_otherwise(site: httpx.AsyncClient, rows: Rows) -> None:
    place = await upload(site, "Kürzel,Wer,Wo\nada@example.org,Ada,Sales\n")
    answer = await site.get(place)
    assert answer.status_code == 422
    assert "Say which column holds the e-mail" in answer.text
    wrong = await site.post(f"{place}/columns", data={"email": "9"})
    assert wrong.status_code == 422
    assert (await site.post(f"{place}/columns", data={"email": "0", "name": "1", "department": "2"})).status_code == 303
    _page, digest = await shown(site, place)
    assert (await site.post(f"{place}/apply", data={"plan": digest})).status_code == 200
    assert rows("select display_name, department from person where email = 'ada@example.org'") == [("Ada", "Sales")]


async def test_a_file_is_its_uploaders_alone_and_not_for_long(
    site: httpx.AsyncClient, admin_site: httpx.AsyncClient, owner: SignedIn, rows: Rows
) -> None:
    del owner
    place = await upload(site, "name,email\nAda,ada@example.org\n")
    _page, digest = await shown(site, place)
    for answer in (
        await admin_site.get(place),
        await admin_site.post(f"{place}/apply", data={"plan": digest}),
        await admin_site.post(f"{place}/columns", data={"email": "0"}),
    ):
        assert answer.status_code == 400
        assert "This import is over" in answer.text
    await admin_site.post(f"{place}/discard")
    assert (await site.get(place)).status_code == 200
    rows("update people_import set made_at = now() - interval '61 minutes'")
    assert "This import is over" in (await site.get(place)).text
    await upload(site, "name,email\nBob,bob@example.org\n")
    assert rows("select count(*) from people_import") == [(1,)], "the old one went"


async def test_discarding_forgets_the_file(site: httpx.AsyncClient, rows: Rows) -> None:
    place = await upload(site, "name,email\nAda,ada@example.org\n")
    assert (await site.post(f"{place}/discard")).status_code == 303
    assert rows("select count(*) from people_import") == [(0,)]


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"files": {"file": ("people.csv", b"")}}, 422, "The file is empty"),
        ({"files": {"file": ("people.xlsx", b"PK\x03\x04\x00")}}, 422, "perhaps a workbook"),
        ({"files": {"other": ("people.csv", b"a")}}, 400, "Choose a file"),
        ({"data": {"file": "text"}}, 400, "Choose a file"),
        ({"files": {"file": ("people.csv", b"a" * 8_100_000)}}, 413, "larger than 8 MB"),
        ({"content": b"--x\r\nnonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "file"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why_and_is_not_kept(
    site: httpx.AsyncClient, rows: Rows, sent: dict[str, object], status: int, words: str
) -> None:
    answer = await site.post("/people/import", **sent)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert words in answer.text
    assert rows("select count(*) from people_import") == [(0,)]


async def test_what_was_downloaded_imports_without_a_change(
    site: httpx.AsyncClient, person: Person, rows: Rows
) -> None:
    await person("=1+1", "x@example.org", Role.FINANCE)
    await person("'Quoted'", "q@example.org")
    rows("update person set manager_id = (select person_id from person where role = 'owner') where role <> 'owner'")
    page, digest = await shown(site, await upload(site, (await site.get("/people.csv?show=all")).content))
    assert digest == ""
    assert "3 stay as they are" in page


async def test_thousands_of_rows_are_planned_and_written(site: httpx.AsyncClient, rows: Rows) -> None:
    text = "name,email,department,manager\n" + "".join(
        f"Person {n},p{n}@example.org,Department {n % 40},p{n // 10}@example.org\n" for n in range(1, 3_001)
    )
    text += "Person 0,p0@example.org,,\n"
    place = await upload(site, text)
    _page, digest = await shown(site, place)
    assert (await site.post(f"{place}/apply", data={"plan": digest})).status_code == 200
    assert rows("select count(*), count(manager_id) from person") == [(3_002, 3_000)]
    again, digest = await shown(site, await upload(site, text))
    assert digest == ""
    assert "3\u00a0001 stay as they are" in again

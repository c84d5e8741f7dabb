"""Employees see everything kept about themselves and nothing about anyone else, on every route."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from toktra.server.audit import service as audit
from toktra.server.audit.service import Search
from toktra.server.audit.tags import Tag
from toktra.server.portal.records import COLUMNS
from toktra.server.portal.routes import portal_pages
from toktra.server.usage import person as usage_of_person
from toktra.server.usage.person import Subject, all_own_events, newest_own_event, own_events
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.portal.conftest import Browsers, Desk, Office

OWN = sorted(
    {
        (method, page.path)
        for page in portal_pages()
        for method in (page.methods or set()) - {"HEAD"}
        if "{" not in page.path
    }
)


@dataclass(frozen=True)
class Marked:
    """A person whose data can be told from everyone else's."""

    person: UUID
    name: str
    desk: Desk
    request_bytes: int
    reason: str

    @property
    def marks(self) -> set[str]:
        """What is on a page only when this person's data is."""
        return {
            self.desk.hostname,
            str(self.request_bytes),
            f"{self.request_bytes:,}".replace(",", "\u00a0"),
            self.reason,
        }


async def marked(office: Office, number: int, role: Role) -> Marked:
    person = await office.person(f"Person {number}", role)
    desk = await office.desk(person, f"host-of-{number}-in-{office.tenant.slug}")
    found = Marked(person, f"Person {number}", desk, 7_000_000 + number * 1111, f"Looked at number {number}")
    await desk.use(request_bytes=found.request_bytes)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await audit.record(
            connection,
            office.tenant.tenant_id,
            Tag.USAGE_VIEWED,
            audit.Actor.person(UUID(int=7), Role.AUDITOR),
            subject_id=person,
            reason=found.reason,
            after={"first_day": "2026-11-01", "last_day": "2026-11-07"},
        )
    return found


async def ask(browser: httpx.AsyncClient, method: str, path: str, **options: object) -> str:
    answer = await browser.request(method, path, **options)  # type: ignore[arg-type]
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


async def test_every_route_for_every_role_shows_ones_own_data_only(
    office: Office, other_office: Office, browsers: Browsers
) -> None:
    roles = [role for role in Role if role is not Role.VISITOR]
    people = {role: await marked(office, number, role) for number, role in enumerate(roles, 1)}
    colleague = await marked(office, 8, Role.EMPLOYEE)
    stranger = await marked(other_office, 9, Role.EMPLOYEE)
    seen: dict[str, set[str]] = {}
    for me in people.values():
        browser = await browsers.of(office, me.person)
        others = [one for one in (*people.values(), colleague, stranger) if one is not me]
        for method, path in OWN:
            for tampered in ("", f"?person={colleague.person}&person_id={colleague.person}&tenant={stranger.person}"):
                text = await ask(browser, method, path + tampered)
                for other in others:
                    assert not [mark for mark in {*other.marks, other.name} if mark in text], (method, path, other.name)
                seen.setdefault(path, set()).update(me.marks & {mark for mark in me.marks if mark in text})
    shown = {path for path, marks in seen.items() if marks}
    assert shown == {"/me", "/me/events", "/me/events.csv", "/me/events.json", "/me/devices", "/me/who-looked"}


@pytest.mark.parametrize(("method", "path"), OWN)
async def test_a_visitor_is_asked_to_sign_in(api: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await api.request(method, path)).status_code == 401


async def test_an_employee_begins_at_their_page_and_an_administrator_at_the_overview(
    office: Office, api: httpx.AsyncClient
) -> None:
    from toktra.server.people.service import create_sign_in_link

    for role, place in ((Role.EMPLOYEE, "/me"), (Role.ADMINISTRATOR, "/")):
        person = await office.person("Kim", role)
        answer = await api.post(await create_sign_in_link(office.database, office.tenant, person))
        assert answer.headers["location"] == place
        assert (await api.get(place)).status_code == 200


async def test_every_event_is_listed_to_the_second_and_paged(office: Office, browsers: Browsers) -> None:
    kim = await office.person("Kim")
    desk = await office.desk(kim)
    browser = await browsers.of(office, kim)
    now = datetime.now(UTC)
    times = [await desk.use(at=now - timedelta(hours=7 * number, seconds=number)) for number in range(120)]
    stamps = [f"{at:%Y-%m-%d %H:%M:%S}" for at in times]
    listed = []
    for page in (1, 2, 3):
        text = await ask(browser, "GET", f"/me/events?page={page}")
        listed += re.findall(r'<th scope="row" class="mono nowrap">([^<]+)</th>', text)
        assert "of 120" in text
    assert listed == stamps
    assert "The list ends before this page" in await ask(browser, "GET", "/me/events?page=4")
    assert stamps[0] in await ask(browser, "GET", "/me/events?page=nonsense")


async def test_files_hold_every_record_exactly(
    office: Office, browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_of_person, "_READ_AT_ONCE", 4)
    kim = await office.person("Kim")
    desk, second = await office.desk(kim, "=HYPERLINK(1)"), await office.desk(kim, "desk-2")
    at = await desk.use(times=9, days_ago=1)
    await second.use(times=2, at=at)  # the same second on another device
    newest = await desk.use(request_bytes=123_456, estimated_input_tokens=0)
    browser = await browsers.of(office, kim)

    answer = await browser.post("/me/events.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-ai-use.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert len({(row["device"], row["epoch"], row["sequence"]) for row in rows}) == len(rows) == 12
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert rows[-1]["at"] == f"{newest:%Y-%m-%dT%H:%M:%SZ}"
    assert (rows[-1]["request_bytes"], rows[-1]["estimated_input_tokens"]) == ("123456", "0")
    assert rows[-1]["hostname"] == "'=HYPERLINK(1)", "a spreadsheet would compute it"

    told = json.loads((await browser.post("/me/events.json")).content)
    assert [event["sequence"] for event in told["events"]] == [int(row["sequence"]) for row in rows]
    assert told["events"][-1]["hostname"] == "=HYPERLINK(1)"
    looked = await ask(browser, "GET", "/me/who-looked")
    assert looked.count("downloaded all your records") == 2


async def test_files_of_someone_without_records_are_empty_and_whole(office: Office, browsers: Browsers) -> None:
    browser = await browsers.of(office, await office.person("Kim"))
    assert json.loads((await browser.post("/me/events.json")).content)["events"] == []
    assert (await browser.post("/me/events.csv")).content.decode("utf-8-sig").strip() == ",".join(COLUMNS)


async def test_nobody_else_gets_single_events_of_a_person(office: Office) -> None:
    kim = Subject(office.tenant.tenant_id, await office.person("Kim"), is_reader=False)
    with pytest.raises(PermissionError):
        await own_events(office.database, kim, skip=0, most=1)
    with pytest.raises(PermissionError):
        await anext(all_own_events(office.database, kim))
    with pytest.raises(PermissionError):
        await newest_own_event(office.database, kim, datetime.now(UTC).date())


async def test_devices_say_days_and_never_minutes(office: Office, browsers: Browsers) -> None:
    kim = await office.person("Kim")
    desk = await office.desk(kim, "kims-laptop", enrolled_days_ago=40)
    await desk.use()
    silent = await office.desk(kim, "kims-tablet", enrolled_days_ago=3)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update device set status = 'revoked' where device_id = %s", [silent.key.device])
    text = await ask(await browsers.of(office, kim), "GET", "/me/devices")
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", text, re.DOTALL)
    assert [row.partition("<")[0] for row in rows] == ["kims-laptop", "kims-tablet"]
    assert "today" in rows[0]
    assert "Enrolled</span>" in rows[0]
    assert "never so far" in rows[1]
    assert "Revoked" in rows[1]
    assert not re.search(r"\d\d:\d\d", " ".join(rows))


@pytest.mark.parametrize("role", [Role.EMPLOYEE, Role.ADMINISTRATOR])
async def test_someone_without_data_is_shown_how_to_begin_and_the_code_works(
    office: Office, browsers: Browsers, role: Role, enrolment: object
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    kim = await office.person("Kim", role)
    browser = await browsers.of(office, kim)
    for path in ("/me", "/me/devices"):
        text = await ask(browser, "GET", path)
        assert "No device of yours is enrolled" in text
        assert 'action="/me/devices/code"' in text
    assert "Nothing is kept about you" in await ask(browser, "GET", "/me/events")
    shown = await ask(browser, "POST", "/me/devices/code")
    found = re.search(r"toktra agent enrol (\S+) --server http://test<", shown)
    assert found is not None
    answer = await enrolment(found[1], Ed25519PrivateKey.generate(), hostname="kims-laptop", account="kim")  # type: ignore[operator]
    assert answer.status_code == 200
    assert "kims-laptop" in await ask(browser, "GET", "/me/devices")
    assert "No use so far" in await ask(browser, "GET", "/me")
    tags = [
        entry.tag for entry in await audit.find(office.database, office.tenant.tenant_id, Search(), offset=0, most=2)
    ]
    assert tags == ["device:enrolled", "enrolment-code:created"]


async def test_an_unknown_period_is_refused_by_name(office: Office, browsers: Browsers) -> None:
    browser = await browsers.of(office, await office.person("Kim"))
    answer = await browser.get("/me?period=%3Cb%3Eyear")
    assert answer.status_code == 400
    assert "“&lt;b&gt;year” is not a period" in answer.text


async def test_notices_say_honestly_that_there_are_none(office: Office, browsers: Browsers) -> None:
    assert "No notice is published here" in await ask(
        await browsers.of(office, await office.person("Kim")), "GET", "/me/notices"
    )

"""An adversary with the server's own database role, every administrator's rights and a device of theirs.

They cannot read a week, nor write one; what they make a device hear cannot shorten anybody's private time there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from tests.agent.privacy_hours.machine import Agent, Machine
from tests.server.privacy_hours.conftest import WEEK, Office, chooses

from toktra.agent.control_messages import Add, Show, Told
from toktra.agent.privacy_hours.windows import format_window, parse_window
from toktra.agent.settings import AgentSettings
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Action, Role
from toktra.server.web.site import site_pages
from toktra.wire.portal import AccountWeek, WeeksAnswer
from toktra.wire.schedule import Schedule

if TYPE_CHECKING:
    from tests.server.conftest import Urls

TABLES = ("week", "change", "delivery")
ADMINISTRATORS = [Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR]


@pytest.fixture
async def kim(office: Office) -> Any:
    """Someone with a week, on a device of theirs."""
    person = await office.person("Kim")
    desk, browser = await office.desk(user1000=person), await office.browser(person)
    assert (await browser.post("/me/privacy-hours", data=WEEK)).status_code == 303
    await chooses(browser, desk)
    return person, desk, browser


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["select * from {}", "delete from {}", "update {} set version = 1", "truncate {}"])
async def test_the_servers_role_is_not_let_into_the_schema(
    office: Office, kim: Any, urls: Urls, table: str, verb: str
) -> None:
    del kim
    with psycopg.connect(urls.app) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(office.tenant.tenant_id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL(verb).format(sql.Identifier("privacy_hours", table)))


@pytest.mark.parametrize("call", ["reader()", "accounts_of_device()"])
async def test_the_servers_role_calls_none_of_its_functions_and_takes_no_other_role(urls: Urls, call: str) -> None:
    with psycopg.connect(urls.app, autocommit=True) as connection:
        for statement in (f"select privacy_hours.{call}", "set role toktra_privacy", "set role toktra_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement", ["person", "usage_event", "device", "session", "account", "tenant", "works_agreement"]
)
async def test_the_role_of_the_weeks_reads_no_other_table(urls: Urls, statement: str) -> None:
    with (
        psycopg.connect(urls.privacy, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL("select * from {}").format(sql.Identifier(statement)))


async def test_the_role_of_the_weeks_sees_nothing_without_the_owners_session(
    office: Office, other_office: Office, kim: Any, own: OwnDatabase
) -> None:
    _person, desk, _browser = kim
    stranger = await office.person("Alex", Role.ADMINISTRATOR)
    await office.browser(stranger)
    hashes = await session_hashes(office, stranger)
    for tenant in (office.tenant.tenant_id, other_office.tenant.tenant_id):
        for session_hash in (b"", b"\0" * 32, *hashes):
            async with own.of_session(tenant, session_hash) as connection:
                assert [await count(connection, table) for table in TABLES] == [0, 0, 0]
    elsewhere = await other_office.desk()
    for other in (elsewhere, await office.desk(user1000=stranger)):
        async with own.of_device(other.key) as connection:
            assert [await count(connection, table) for table in TABLES] == [0, 0, 0]
    async with own.of_device(desk.key) as connection:
        assert [await count(connection, table) for table in TABLES] == [1, 0, 1]


async def test_a_device_changes_nothing_but_how_it_stands(kim: Any, own: OwnDatabase) -> None:
    _person, desk, _browser = kim
    for statement, outcome in (
        ("update privacy_hours.week set version = 9", 0),
        ("delete from privacy_hours.delivery", 0),
        ("update privacy_hours.delivery set standing = 'waits'", 1),
    ):
        async with own.of_device(desk.key) as connection:
            assert (await connection.execute(statement.encode())).rowcount == outcome
    for statement in (
        "update privacy_hours.delivery set person_id = gen_random_uuid()",
        "delete from privacy_hours.week",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with own.of_device(desk.key) as connection:
                await connection.execute(statement.encode())


async def test_an_ended_session_or_a_person_who_left_sees_nothing(office: Office, kim: Any, own: OwnDatabase) -> None:
    person, _desk, _browser = kim
    [session_hash] = await session_hashes(office, person)
    for end in ("update session set expires_at = now()", "update person set status = 'inactive'"):
        async with own.of_session(office.tenant.tenant_id, session_hash) as connection:
            assert await count(connection, "week") == 1
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            await connection.execute(end.encode())
        async with own.of_session(office.tenant.tenant_id, session_hash) as connection:
            assert await count(connection, "week") == 0
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            await connection.execute("update session set expires_at = now() + interval '1 hour'")
            await connection.execute("update person set status = 'active'")


@pytest.mark.parametrize("role", ADMINISTRATORS)
async def test_no_page_of_an_administrator_shows_or_changes_it(office: Office, kim: Any, role: Role) -> None:
    person, desk, _browser = kim
    alex = await office.browser(await office.person("Alex", role))
    places = {"{person_id}": str(person), "{device_id}": str(desk.key.device)}
    for page in site_pages():
        if page.path in {"/sign-out", "/works-agreement"} or "{token}" in page.path or "{name:path}" in page.path:
            continue
        path = page.path
        for place, value in places.items():
            path = path.replace(place, value)
        for method in (page.methods or set()) - {"HEAD"}:
            data = {**WEEK, "mon-1-from": "", "mon-1-to": ""} if method == "POST" and "privacy" in path else {}
            answer = await alex.request(method, path, data=data or None)
            assert "12:00–13:00" not in answer.text, (method, path)
            assert 'value="12:00"' not in answer.text, (method, path)
    async with office.database.tenant(office.tenant.tenant_id) as connection:  # on the way some said that Kim has left
        await connection.execute("update person set status = 'active', left_at = null where person_id = %s", [person])
    again = await office.browser(person)
    assert "Mon 12:00–13:00" in (await again.get("/me/privacy-hours")).text


async def session_hashes(office: Office, person: object) -> list[bytes]:
    """As the server's role reads them."""
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        cursor = await connection.execute("select token_hash from session where person_id = %s", [person])
        return [bytes(row[0]) for row in await cursor.fetchall()]


async def count(connection: Any, table: str) -> int:
    cursor = await connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("privacy_hours", table)))
    [number] = await cursor.fetchone()
    return int(number)


def test_there_is_no_action_and_no_setting_that_is_about_anothers_privacy_hours() -> None:
    about = {action.value for action in Action if "privacy-hours" in action.value}
    assert about == {"own-privacy-hours:change"}
    assert not [page.path for page in site_pages() if "privacy-hours" in page.path and not page.path.startswith("/me/")]
    settings = {*AgentSettings.__dataclass_fields__, *ServerSettings.__struct_fields__}
    assert {name for name in settings if "privacy" in name or "hours" in name} == {"privacy_database_url"}


@pytest.mark.parametrize("version", [1, 2, 7, 2**53])
def test_a_server_that_lies_to_a_device_cannot_shorten_or_switch_off(tmp_path: Any, version: int) -> None:
    agent = Agent(Machine(), tmp_path)
    agent.ask(1000, Add(windows=(parse_window("mon 12:00-13:00"), parse_window("daily 20:00-21:00"))))
    assert windows(agent) == ["mon 12:00-13:00", "daily 20:00-21:00"]
    nothing, elsewhere = Schedule(zone="Etc/UTC"), Schedule(zone="Pacific/Kiritimati", windows=(parse_window("sun"),))
    for week in (nothing, elsewhere, nothing):
        agent.hear(
            WeeksAnswer(
                agreement_version=version,
                agreement=nothing,
                weeks=(AccountWeek(account="user1000", version=version, schedule=week),),
            )
        )
        assert windows(agent) == ["mon 12:00-13:00", "daily 20:00-21:00"]
        told = agent.ask(1000, Show())
        assert isinstance(told, Told)
        assert told.private
        agent.machine.send(1000)
        assert agent.run_for(2) == []
    agent.end()


def windows(agent: Agent) -> list[str]:
    told = agent.ask(1000, Show())
    assert isinstance(told, Told)
    assert told.schedule is not None
    return [format_window(window) for window in told.schedule.windows]

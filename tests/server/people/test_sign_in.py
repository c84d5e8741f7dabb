"""One-time links and sessions, over the whole application and its database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from toktra.server.database.pool import Database
from toktra.server.people import service
from toktra.server.people.service import UnknownPerson, add_person, create_sign_in_link
from toktra.server.people.sessions import whose_session
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role

COOKIE = "toktra_session"


async def change(database: Database, tenant: Tenant, statement: str, *values: object) -> None:
    """What only time could do otherwise."""
    async with database.tenant(tenant.tenant_id) as connection:
        await connection.execute(statement.encode(), values)


async def test_looking_at_a_link_does_not_use_it(api: httpx.AsyncClient, link: str) -> None:
    for _ in range(3):
        page = await api.get(link)
        assert page.status_code == 200
        assert "Sign in as Robin Example" in page.text
        assert "set-cookie" not in page.headers
    assert (await api.post(link)).status_code == 303


async def test_a_link_signs_in_once_and_leads_to_the_overview(api: httpx.AsyncClient, link: str) -> None:
    answer = await api.post(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await api.get("/")).status_code == 200
    for again in (await api.post(link), await api.get(link)):
        assert again.status_code == 410
        assert "has been used" in again.text
        assert "toktra server sign-in-link" in again.text


async def test_of_two_who_press_at_once_one_is_signed_in(api: httpx.AsyncClient, link: str) -> None:
    answers = await asyncio.gather(*(api.post(link) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410, 410, 410]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(api: httpx.AsyncClient, link: str) -> None:
    cookie = (await api.post(link)).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=north.")
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"):
        assert attribute in cookie
    assert "Domain" not in cookie
    assert "Secure" not in cookie


async def test_over_https_the_cookie_is_bound_to_this_host(api: httpx.AsyncClient, link: str) -> None:
    api.base_url = httpx.URL("https://toktra.test")
    answer = await api.post(link)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in cookie
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    assert (await api.get("/")).status_code == 200


async def test_an_expired_link_says_so(
    api: httpx.AsyncClient, database: Database, organisation: Tenant, link: str
) -> None:
    await change(database, organisation, "update sign_in_link set expires_at = now()")
    for answer in (await api.get(link), await api.post(link)):
        assert answer.status_code == 410
        assert "has expired" in answer.text


async def test_a_link_of_someone_who_left_says_so(
    api: httpx.AsyncClient, database: Database, organisation: Tenant, link: str
) -> None:
    await change(database, organisation, "update person set status = 'inactive'")
    for answer in (await api.get(link), await api.post(link)):
        assert answer.status_code == 410
        assert "may not sign in any more" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/sign-in/nonsense", f"/sign-in/{Token.new('north')}", f"/sign-in/{Token.new('nobody')}", "/sign-in/%00"],
    ids=["nonsense", "known organisation", "unknown organisation", "NUL"],
)
async def test_an_unknown_link_says_so(api: httpx.AsyncClient, organisation: Tenant, path: str) -> None:
    for answer in (await api.get(path), await api.post(path)):
        assert answer.status_code == 404
        assert "does not work" in answer.text


async def test_a_link_under_another_organisation_is_unknown(
    api: httpx.AsyncClient, link: str, other_tenant: object
) -> None:
    assert (await api.post(link.replace("/north.", "/south."))).status_code == 404
    assert (await api.post(link)).status_code == 303


async def test_guessing_is_slowed_down_and_an_honest_neighbour_is_not(api: httpx.AsyncClient, link: str) -> None:
    statuses = [(await api.get(f"/sign-in/{Token.new('north')}")).status_code for _ in range(25)]
    assert statuses == [404] * 20 + [429] * 5
    late = await api.get("/sign-in/x.y")
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert (await api.post(link)).status_code == 303


async def test_another_sites_form_cannot_sign_anyone_in_or_out(signed_in: httpx.AsyncClient, link: str) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await signed_in.post("/sign-out", headers=headers)).status_code == 403
        assert (await signed_in.post(link, headers=headers)).status_code == 403
    assert (await signed_in.get("/")).status_code == 200


async def test_signing_in_again_gives_a_new_session_and_ends_the_old(
    api: httpx.AsyncClient, database: Database, organisation: Tenant, owner: UUID, link: str
) -> None:
    await api.post(link)
    first = api.cookies[COOKIE]
    await api.post(await create_sign_in_link(database, organisation, owner))
    assert api.cookies[COOKIE] != first
    assert await whose_session(database, first) is None
    assert await whose_session(database, api.cookies[COOKIE]) is not None


async def test_a_session_that_was_planted_is_never_taken_over(api: httpx.AsyncClient, link: str) -> None:
    planted = str(Token.new("north"))
    api.cookies.set(COOKIE, planted)
    answer = await api.post(link)
    assert planted not in answer.headers["set-cookie"]


async def test_signing_out_ends_the_session_here_and_in_the_browser(
    signed_in: httpx.AsyncClient, database: Database
) -> None:
    session = signed_in.cookies[COOKIE]
    answer = await signed_in.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in signed_in.cookies
    assert await whose_session(database, session) is None
    assert (await signed_in.get("/")).status_code == 401
    assert (await signed_in.post("/sign-out")).status_code == 303


@pytest.mark.parametrize(
    "past",
    [
        "update session set seen_at = now() - interval '12 hours'",
        "update session set expires_at = now()",
        "update person set status = 'inactive'",
    ],
)
async def test_a_session_ends(
    signed_in: httpx.AsyncClient, database: Database, organisation: Tenant, past: str
) -> None:
    await change(database, organisation, past)
    answer = await signed_in.get("/")
    assert answer.status_code == 401
    assert "not signed in" in answer.text


async def test_a_session_lasts_seven_days_at_most(
    signed_in: httpx.AsyncClient, database: Database, organisation: Tenant
) -> None:
    async with database.tenant(organisation.tenant_id) as connection:
        cursor = await connection.execute("select expires_at - created_at from session")
        assert (await cursor.fetchone())[0] == timedelta(days=7)  # type: ignore[index]


async def test_a_page_left_open_keeps_nobody_signed_in(
    signed_in: httpx.AsyncClient, database: Database, organisation: Tenant
) -> None:
    """What a page fetches by itself is no visit; what a person opens is."""
    await change(database, organisation, "update session set seen_at = now() - interval '2 hours'")

    async def idle_for() -> timedelta:
        async with database.tenant(organisation.tenant_id) as connection:
            cursor = await connection.execute("select now() - seen_at from session")
            row = await cursor.fetchone()
            assert row is not None
            idle: timedelta = row[0]
            return idle

    assert (await signed_in.get("/overview/figures")).status_code == 200
    assert await idle_for() > timedelta(hours=1)
    assert (await signed_in.get("/")).status_code == 200
    assert await idle_for() < timedelta(minutes=1)


async def test_an_open_page_whose_session_ended_loads_itself_again(
    signed_in: httpx.AsyncClient, database: Database, organisation: Tenant
) -> None:
    await change(database, organisation, "delete from session")
    part = await signed_in.get("/overview/figures", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-refresh"]) == (401, "true")
    assert "hx-refresh" not in (await signed_in.get("/")).headers


async def test_the_database_holds_no_secret(signed_in: httpx.AsyncClient, link: str, urls: object) -> None:
    superuser: str = urls.superuser  # type: ignore[attr-defined]
    secrets = (link.rpartition(".")[2], signed_in.cookies[COOKIE].rpartition(".")[2])
    with psycopg.connect(superuser) as connection:
        rows = connection.execute(
            "select l::text from sign_in_link l union all select s::text from session s"
        ).fetchall()
    assert len(rows) == 2
    assert not any(secret in row[0] for row in rows for secret in secrets)


async def test_no_link_for_someone_unknown_or_gone(database: Database, organisation: Tenant, owner: UUID) -> None:
    with pytest.raises(UnknownPerson):
        await create_sign_in_link(database, organisation, uuid4())
    await change(database, organisation, "update person set status = 'inactive'")
    with pytest.raises(UnknownPerson):
        await create_sign_in_link(database, organisation, owner)


async def test_nobody_is_a_visitor(database: Database, organisation: Tenant) -> None:
    with pytest.raises(ValueError, match="visitor"):
        await add_person(database, organisation.tenant_id, display_name="X", role=Role.VISITOR)


async def test_old_links_and_sessions_are_forgotten(
    api: httpx.AsyncClient, database: Database, organisation: Tenant, owner: UUID, link: str
) -> None:
    await api.post(link)
    await change(database, organisation, "update sign_in_link set expires_at = now() - interval '31 days'")
    await change(database, organisation, "update session set seen_at = now() - interval '13 hours'")
    api.cookies.clear()
    await api.post(await create_sign_in_link(database, organisation, owner))
    async with database.tenant(organisation.tenant_id) as connection:
        cursor = await connection.execute(
            "select (select count(*) from sign_in_link) as links, (select count(*) from session) as sessions"
        )
        assert tuple(await cursor.fetchone() or ()) == (1, 1)


def test_every_fault_has_its_page() -> None:
    from toktra.server.web.notices import link_refused

    for fault in service.LinkFault:
        assert link_refused(fault).status_code in {404, 410}

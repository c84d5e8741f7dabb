"""What is sensitive asks again who it is, after five minutes, in the ways that person has; and sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from toktra.server.web.page import Page
from toktra.server.web.site import site_pages

if TYPE_CHECKING:
    from tests.server.sign_in.conftest import App, Device, House

PASSWORD = "plenty of words in a row"
ASKS = {
    ("POST", "/reconciliation/{provider_id}/connect"),
    ("POST", "/reconciliation/{provider_id}/disconnect"),
    ("POST", "/devices/{device_id}/revoke"),
    ("GET", "/people.csv"),
    ("POST", "/audit.csv"),
    ("POST", "/people/sync/tokens"),
    ("POST", "/people/sync/groups/{group_id}"),
    ("POST", "/attribution/more"),
    ("POST", "/attribution/less"),
    ("POST", "/webhooks"),
    ("GET", "/settings/sign-in"),
    ("POST", "/settings/sign-in"),
    ("POST", "/settings/sign-in/remove"),
    ("GET", "/me/sign-in/password"),
    ("POST", "/me/sign-in/password"),
    ("POST", "/me/sign-in/password/remove"),
    ("POST", "/me/sign-in/passkeys"),
    ("POST", "/me/sign-in/passkeys/options"),
    ("POST", "/me/sign-in/passkeys/{passkey_id}/remove"),
    ("POST", "/me/sign-in/recovery-codes"),
    ("POST", "/me/sign-in/work-account/connect"),
    ("POST", "/me/sign-in/work-account/disconnect"),
}
"""Written a second time on purpose: what is sensitive must not become less so unnoticed."""


def doors() -> list[tuple[str, Page]]:
    return [(method, page) for page in site_pages() for method in sorted((page.methods or set()) - {"HEAD"})]


def test_what_is_sensitive_asks_first() -> None:
    assert {(method, page.path) for method, page in doors() if page.needs_fresh} >= ASKS


async def test_every_page_that_asks_does_so_once_the_proof_is_stale(house: House, robin: httpx.AsyncClient) -> None:
    await house.stale()
    for method, page in doors():
        if page.needs_fresh and "{" not in page.path:
            headers = {"referer": "https://toktra.test/people?page=2"}
            asked = await robin.request(method, page.path, headers=headers)
            if asked.status_code == 403:  # not for an owner
                continue
            assert asked.status_code == 303, (method, page.path)
            way = urlsplit(asked.headers["location"])
            back = page.path if method == "GET" else "/people?page=2"
            assert (way.path, parse_qs(way.query)["next"]) == ("/confirm", [back])


async def test_a_role_is_given_only_by_someone_who_has_just_proved_who_they_are(
    house: House, robin: httpx.AsyncClient
) -> None:
    fields = {"name": "Ada Exempel", "email": "ada@example.org", "department": "", "manager": ""}
    await house.stale()
    role = "select role from person where person_id = %s"
    asked = await robin.post(f"/people/{house.ada}", data={**fields, "role": "auditor"})
    assert asked.headers["location"].startswith("/confirm?")
    new = await robin.post("/people/new", data={"name": "Eve", "email": "eve@example.org", "role": "administrator"})
    assert new.headers["location"].startswith("/confirm?")
    assert await house.value(role, house.ada) == "employee"
    same = await robin.post(f"/people/{house.ada}", data={**fields, "department": "Sales", "role": "employee"})
    assert same.headers["location"] == f"/people/{house.ada}?said=saved"
    await robin.post(await house.link(house.owner))  # a new link is a proof
    await robin.post(f"/people/{house.ada}", data={**fields, "role": "auditor"})
    assert await house.value(role, house.ada) == "auditor"


async def test_who_came_by_link_alone_is_told_how_to_go_on(house: House, robin: httpx.AsyncClient) -> None:
    assert (await robin.get("/me/sign-in/password")).status_code == 200
    await house.stale()
    assert (await robin.get("/")).status_code == 200  # work goes on
    page = await robin.get("/confirm?next=/settings/sign-in")
    assert (page.status_code, "toktra server sign-in-link" in page.text) == (200, True)


async def test_password_and_code_confirm_and_the_session_gets_a_new_token(
    house: House, ada: httpx.AsyncClient, with_password: Callable[..., Awaitable[App]]
) -> None:
    app = await with_password(ada)
    before = dict(ada.cookies)
    await house.stale()
    assert "undone" in (await ada.post("/me/sign-in/recovery-codes")).headers["location"]
    page = await ada.get("/confirm?next=/me/sign-in&undone=1")
    assert "Nothing was changed yet" in page.text
    fields = {"password": PASSWORD, "code": app.code(), "next": "/me/sign-in"}
    wrong = await ada.post("/confirm/password", data={**fields, "password": "something else"})
    assert (wrong.status_code, "do not belong together" in wrong.text) == (422, True)
    right = await ada.post("/confirm/password", data=fields)
    assert (right.status_code, right.headers["location"]) == (303, "/me/sign-in")
    assert dict(ada.cookies) != before
    async with house.browser() as thief:
        thief.cookies.update(before)
        assert (await thief.get("/me")).status_code == 401
    assert (await ada.post("/me/sign-in/recovery-codes")).status_code == 200
    assert (await house.tags())[-2:] == ["session:confirmed", "recovery-codes:created"]
    for elsewhere in ("//evil.example", "https://evil.example"):
        page = await ada.get("/confirm", params={"next": elsewhere})
        assert "evil" not in page.text


async def test_only_ones_own_passkey_confirms(
    house: House,
    ada: httpx.AsyncClient,
    robin: httpx.AsyncClient,
    device: Device,
    with_passkey: Callable[..., Awaitable[None]],
) -> None:
    import copy

    robins = copy.deepcopy(device)
    await with_passkey(ada, device)
    await with_passkey(robin, robins)
    await house.stale()

    async def confirm(browser: httpx.AsyncClient, of: Device, options: dict[str, Any]) -> httpx.Response:
        return await browser.post("/confirm/passkey", json={"credential": of.answer(options), "next": "/me/sign-in"})

    async def asked(browser: httpx.AsyncClient) -> dict[str, Any]:
        options: dict[str, Any] = (await browser.post("/confirm/passkey/options")).json()
        return options

    assert (await confirm(robin, device, await asked(robin))).status_code == 422
    theirs = await asked(ada)
    assert (await confirm(robin, robins, theirs)).status_code == 422
    sign_in = (await robin.post("/sign-in/north/passkey/options")).json()
    assert (await confirm(robin, robins, sign_in)).status_code == 422
    assert (await robin.get("/people.csv")).status_code == 303
    assert (await confirm(robin, robins, await asked(robin))).json() == {"to": "/me/sign-in"}
    assert (await robin.get("/people.csv")).status_code == 200


async def test_a_changed_role_changes_the_token_at_the_next_page(house: House, ada: httpx.AsyncClient) -> None:
    before = dict(ada.cookies)
    await house.change("update person set role = 'administrator' where person_id = %s", house.ada)
    polled = await ada.get("/overview/figures")
    assert "set-cookie" not in polled.headers  # nobody looks at what a page fetches by itself
    answer = await ada.get("/people")
    assert answer.status_code == 200
    assert dict(ada.cookies) != before
    assert (await ada.get("/people")).status_code == 200
    async with house.browser() as thief:
        thief.cookies.update(before)
        assert (await thief.get("/people")).status_code == 401


async def test_ones_sessions_are_listed_and_ended_and_nobody_elses(
    house: House, ada: httpx.AsyncClient, robin: httpx.AsyncClient
) -> None:
    async with house.browser() as phone, house.browser() as desk:
        for browser in (phone, desk):
            await browser.post(await house.link(house.ada))
        page = (await ada.get("/me/sign-in")).text
        assert page.count("one-time link</th>") == 3
        assert page.count("</svg>this one<") == 1
        robins = await house.value("select session_id from session where person_id = %s", house.owner)
        await ada.post(f"/me/sign-in/sessions/{robins}/end")
        assert (await robin.get("/me")).status_code == 200
        oldest = await house.value(
            "select session_id from session where person_id = %s order by created_at desc limit 1", house.ada
        )
        await ada.post(f"/me/sign-in/sessions/{oldest}/end")
        assert (await desk.get("/me")).status_code == 401
        assert (await phone.get("/me")).status_code == 200
        await ada.post("/me/sign-in/sessions/end-others")
        assert (await phone.get("/me")).status_code == 401
        assert (await ada.get("/me")).status_code == 200
    assert [entry.after for entry in await house.trail() if entry.tag == "sessions:ended"] == [{"sessions": 1}] * 2


async def test_an_administrator_ends_every_session_of_a_person(
    house: House, ada: httpx.AsyncClient, robin: httpx.AsyncClient
) -> None:
    ended = await robin.post(f"/people/{house.ada}/sessions/end")
    assert ended.headers["location"] == f"/people/{house.ada}?said=sessions-ended"
    assert (await ada.get("/me")).status_code == 401
    entry = (await house.trail())[-1]
    assert (entry.tag, entry.subject_id, entry.after) == ("sessions:ended", house.ada, {"sessions": 1})
    assert (await robin.post(f"/people/{house.tenant.tenant_id}/sessions/end")).status_code == 404


async def test_whoever_leaves_keeps_no_way_in(
    house: House,
    ada: httpx.AsyncClient,
    robin: httpx.AsyncClient,
    device: Device,
    with_passkey: Callable[..., Awaitable[None]],
    with_password: Callable[..., Awaitable[App]],
) -> None:
    await with_passkey(ada, device)
    await with_password(ada)
    await ada.post("/me/sign-in/recovery-codes")
    await robin.post(f"/people/{house.ada}/leave")
    for table in ("passkey", "password", "recovery_code", "session"):
        left = await house.value(f"select count(*) from {table} where person_id = %s", house.ada)
        assert left == 0, table


@pytest.mark.parametrize("path", ["/sign-in/north/password", "/me/sign-in/recovery-codes", "/confirm/password"])
async def test_another_sites_form_changes_nothing(robin: httpx.AsyncClient, path: str) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await robin.post(path, headers=headers)).status_code == 403


async def test_the_sign_in_page_of_the_only_organisation_is_found_by_itself(
    house: House, browser: httpx.AsyncClient
) -> None:
    del house
    answer = await browser.get("/sign-in", params={"next": "/me"})
    assert answer.headers["location"] == "/sign-in/north?next=%2Fme"
    refused = await browser.get("/me/devices?page=2")
    assert (refused.status_code, "/sign-in?next=%2Fme%2Fdevices%3Fpage%3D2" in refused.text) == (401, True)


async def test_among_several_organisations_one_is_named(browser: httpx.AsyncClient, other_tenant: object) -> None:
    del other_tenant
    page = await browser.get("/sign-in")
    assert (page.status_code, "short name" in page.text) == (200, True)
    assert (await browser.get("/sign-in?organisation=South")).headers["location"] == "/sign-in/south"
    unknown = await browser.get("/sign-in?organisation=<b>")
    assert (unknown.status_code, "&lt;b&gt;" in unknown.text) == (422, True)

"""Signing in with password and code, and with a recovery code, over the whole application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.server.sign_in.conftest import App, House

PASSWORD = "plenty of words in a row"
WithPassword = Callable[..., Awaitable["App"]]
NOT_RIGHT = "do not belong together"


async def enter(browser: httpx.AsyncClient, code: str, slug: str = "north", **changes: str) -> httpx.Response:
    fields = {"email": "ada@example.org", "password": PASSWORD, "code": code, **changes}
    return await browser.post(f"/sign-in/{slug}/password", data=fields)


async def test_set_up_sign_in_and_nothing_twice(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    former = browser.cookies
    code = app.code()
    planted = "north." + "x" * 43
    browser.cookies.set("__Host-toktra_session", planted, domain="toktra.test")
    answer = await enter(browser, code, email=" ADA@example.org ", next="/me/devices")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/devices")
    assert planted not in answer.headers["set-cookie"]
    assert former is not None
    assert "Signed in" in (await browser.get("/me/sign-in")).text

    async with house.browser() as other:
        replayed = await enter(other, code)
        assert (replayed.status_code, NOT_RIGHT in replayed.text) == (422, True)
        assert (await other.get("/me")).status_code == 401
    tags = await house.tags()
    assert tags.count("password:set") == 1
    assert [entry.after for entry in await house.trail() if entry.tag == "session:started"] == [
        {"method": "link"},
        {"method": "password"},
    ]


async def test_of_many_who_bring_one_code_at_once_one_comes_in(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    code = app.code()
    async with house.browser() as first, house.browser() as second, house.browser() as third:
        answers = await asyncio.gather(*(enter(one, code) for one in (first, second, third)))
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422]


async def test_whatever_is_wrong_gets_the_same_answer(
    house: House, ada: httpx.AsyncClient, other_tenant: object, with_password: WithPassword
) -> None:
    """Who is known here, who has a password and which part was wrong: nobody learns it."""
    del other_tenant
    app = await with_password(ada)
    pages = []
    async with house.browser() as stranger:
        for changes in (
            {"password": "not the right words"},
            {"code": "000000" if app.code() != "000000" else "111111"},
            {"email": "nobody@example.org"},
            {"email": "robin@example.org"},  # known, without a password
            {"email": ""},
            {"password": ""},
        ):
            answer = await enter(stranger, **{"code": app.code(), **changes})
            assert answer.status_code == 422
            assert "set-cookie" not in answer.headers
            pages.append(answer.text.replace(changes.get("email", "ada@example.org"), ""))
        assert (await enter(stranger, app.code(), slug="south")).status_code == 422
    assert len({page.replace('value="ada@example.org"', 'value=""') for page in pages}) == 1
    await house.change("update person set status = 'inactive' where person_id = %s", house.ada)
    async with house.browser(client="192.0.2.2") as other:
        assert NOT_RIGHT in (await enter(other, app.code())).text


async def test_a_guesser_waits_and_the_owner_of_the_account_does_not(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    assert (await enter(browser, app.code())).status_code == 303  # this browser is known from now on
    async with house.browser(client="203.0.113.9") as guesser:
        statuses = [(await enter(guesser, "000000")).status_code for _ in range(8)]
        assert statuses[:6] == [422] * 6
        assert 429 in statuses[6:]
        late = await enter(guesser, app.code(1))
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) >= 1
    await browser.post("/sign-out")
    assert (await enter(browser, app.code(1))).status_code == 303


async def test_a_password_that_is_not_taken_says_why_and_keeps_the_same_picture(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    page = (await ada.get("/me/sign-in/password")).text
    attempt = page.split('name="attempt" value="')[1].split('"')[0]
    picture = page.split('class="qr-frame"')[1].split("</div>")[0]
    for fields, words in (
        ({"password": "short", "code": "123456"}, "at least 12 characters"),
        ({"password": "ada exempel is me", "code": "123456"}, "your name or e-mail"),
        ({"password": PASSWORD, "code": "12"}, "not what the app shows"),
    ):
        refused = await ada.post("/me/sign-in/password", data={"attempt": attempt, **fields})
        assert refused.status_code == 422
        assert words in refused.text
        assert picture in refused.text
        assert fields["password"] not in refused.text
    assert await house.value("select count(*) from password") == 0
    gone = await ada.post("/me/sign-in/password", data={"attempt": "x", "password": PASSWORD, "code": "123456"})
    assert "took too long" in gone.text
    async with house.browser() as robins:
        await robins.post(await house.link(house.owner))
        others = await robins.post("/me/sign-in/password", data={"attempt": attempt, "password": PASSWORD, "code": "1"})
        assert "took too long" in others.text


async def test_setting_and_removing_a_password_ends_the_other_sessions(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    async with house.browser() as elsewhere:
        await elsewhere.post(await house.link(house.ada))
        await with_password(ada)
        assert (await elsewhere.get("/me")).status_code == 401
        assert (await ada.get("/me")).status_code == 200
    await ada.post("/me/sign-in/password/remove")
    assert await house.value("select count(*) from password") == 0
    assert (await house.tags())[-1] == "password:removed"


async def test_the_database_alone_holds_no_secret(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    codes = await recovery_codes(ada)
    rows = ""
    for table in ("password", "recovery_code", "sign_in_attempt", "session"):
        rows += str(await house.value(f"select string_agg(t::text, '') from {table} t"))
    for secret in (PASSWORD, app.secret, *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in rows


async def test_a_recovery_code_works_once_and_leads_to_setting_up(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, other_tenant: object
) -> None:
    del other_tenant
    first = await recovery_codes(ada)
    codes = await recovery_codes(ada)
    assert "10 codes are left" in (await ada.get("/me/sign-in")).text
    for wrong in (first[0], "0000-0000-0000-0000", ""):  # those before work no more
        refused = await browser.post("/sign-in/north/recovery-code", data={"code": wrong})
        assert (refused.status_code, "does not work" in refused.text) == (422, True)
    assert (await browser.post("/sign-in/south/recovery-code", data={"code": codes[0]})).status_code == 422
    typed = codes[0].replace("-", " ").upper()
    answer = await browser.post("/sign-in/north/recovery-code", data={"code": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/sign-in?said=recovered")
    assert "9 codes are left" in (await browser.get("/me/sign-in?said=recovered")).text
    async with house.browser() as other:
        assert (await other.post("/sign-in/north/recovery-code", data={"code": codes[0]})).status_code == 422
    used = [entry for entry in await house.trail() if entry.tag == "recovery-code:used"]
    assert [entry.after for entry in used] == [{"codes_left": 9}]


async def recovery_codes(browser: httpx.AsyncClient) -> list[str]:
    page = (await browser.post("/me/sign-in/recovery-codes")).text
    codes = [part.split("</li>")[0] for part in page.split("<li>")[1:] if len(part.split("</li>")[0]) == 19]
    assert len(codes) == 10
    return codes


@pytest.mark.parametrize(
    ("following", "to"),
    [
        ("/me/devices?page=2", "/me/devices?page=2"),
        *(
            (bad, "/me")
            for bad in ("//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)")
        ),
        *((bad, "/me") for bad in ("/ok\r\nset-cookie: a=b", "/%0d", "")[:1]),
    ],
)
async def test_a_sign_in_leads_to_this_site_only(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword, following: str, to: str
) -> None:
    app = await with_password(ada)
    async with house.browser() as browser:
        page = await browser.get("/sign-in/north", params={"next": following})
        assert ("evil" in page.text) is False
        assert (await enter(browser, app.code(), next=following)).headers["location"] == to


async def test_without_its_secret_key_the_server_says_so(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, with_password: WithPassword,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    app = await with_password(ada)
    monkeypatch.setenv("TOKTRA_SECRET_KEY", "no key")
    assert (await enter(browser, app.code())).status_code == 503
    from cryptography.fernet import Fernet

    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())
    other_key = await enter(browser, app.code())
    assert (other_key.status_code, "secret key" in other_key.text) == (503, True)

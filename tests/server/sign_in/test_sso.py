"""The organisation's own sign-in, against a real OpenID provider (the npm package oidc-provider)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.lab.oidc_provider import NoProvider, OidcProvider, oidc_provider

from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.sign_in.conftest import House

RETURNS = [f"https://toktra.test/sign-in/{slug}/sso/return" for slug in ("north", "south")]
ADA = {"email": "Ada@example.org", "email_verified": True, "name": "Ada Exempel"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    try:
        with oidc_provider(tmp_path_factory.mktemp("oidc"), RETURNS) as running:
            yield running
    except NoProvider as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def people(provider: OidcProvider) -> AsyncIterator[Callable[[str], httpx.AsyncClient]]:
    """Browsers at the provider: people("ada") is Ada's, in which she is not signed in there yet."""
    opened: dict[str, httpx.AsyncClient] = {}

    def browser(name: str) -> httpx.AsyncClient:
        return opened.setdefault(name, httpx.AsyncClient(base_url=provider.issuer))

    yield browser
    for one in opened.values():
        await one.aclose()


async def set_up(owner: httpx.AsyncClient, provider: OidcProvider, **changes: str | None) -> httpx.Response:
    fields: dict[str, str | None] = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "email_domains": "example.org, Example.NET",
        "adds_people": "on",
        "group_claim": "groups",
        "group-0": "it-admins",
        "role-0": "administrator",
        "group-1": "auditors",
        "role-1": "auditor",
        **changes,
    }
    return await owner.post("/settings/sign-in", data={name: text for name, text in fields.items() if text is not None})


async def there(browser: httpx.AsyncClient, address: str, account: str) -> str:
    """Goes to the provider, signs in there when asked, and answers the address it leads back to."""
    for _step in range(10):
        page = await browser.get(address)
        if page.status_code == 200:
            assert 'name="login"' in page.text, page.text
            action = re.search(r'action="([^"]+)"', page.text)
            assert action is not None
            page = await browser.post(action[1], data={"prompt": "login", "login": account, "password": "any"})
        assert page.status_code in {302, 303}, page.text
        address = str(page.url.join(page.headers["location"]))
        if address.startswith("https://toktra.test/"):
            return address
    raise AssertionError("the provider leads in a circle")


async def come_in(
    browser: httpx.AsyncClient, at_provider: httpx.AsyncClient, account: str, *, slug: str = "north", onward: str = ""
) -> httpx.Response:
    begun = await browser.get(f"/sign-in/{slug}/sso", params={"next": onward} if onward else {})
    assert begun.status_code == 303, begun.text
    return await browser.get(await there(at_provider, begun.headers["location"], account))


async def test_people_come_in_are_found_added_and_given_roles(
    house: House,
    robin: httpx.AsyncClient,
    provider: OidcProvider,
    people: Callable[[str], httpx.AsyncClient],
) -> None:
    saved = await set_up(robin, provider)
    assert saved.headers["location"] == "/settings/sign-in?said=saved", saved.text
    provider.tell("ada", **ADA)
    async with house.browser() as browser:
        assert "work account" in (await browser.get("/sign-in/north")).text
        begun = await browser.get("/sign-in/north/sso")
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert asked["scope"] == ["openid email profile groups"]
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        assert "prompt" not in asked
        came = await come_in(browser, people("ada"), "ada", onward="/me/devices")
        assert (came.status_code, came.headers["location"]) == (303, "/me/devices"), came.text
        assert "Ada Exempel" in (await browser.get("/me")).text
    assert await house.value("select person_id from work_account") == house.ada  # found by address, once
    provider.tell("ada", email="ada.married@example.org", email_verified=False)
    async with house.browser() as browser:
        assert (await come_in(browser, people("ada"), "ada")).status_code == 303  # known by number from now on

    provider.tell("eve", email="eve@example.net", email_verified=True, name="Eve\u202e Příklad", groups=["auditors"])
    async with house.browser() as browser:
        assert (await come_in(browser, people("eve"), "eve")).headers["location"] == "/"
        assert (await browser.get("/audit")).status_code == 200
    provider.tell("eve", email="eve@example.net", email_verified=True, groups=["auditors", "it-admins"])
    await people("eve").aclose()
    async with house.browser() as browser, httpx.AsyncClient(base_url=provider.issuer) as fresh:
        await come_in(browser, fresh, "eve")
        assert await _role(house, "eve@example.net") is Role.ADMINISTRATOR
        provider.tell("eve", email="eve@example.net", email_verified=True)  # out of every group
        await come_in(browser, fresh, "eve")
        assert await _role(house, "eve@example.net") is Role.EMPLOYEE
        await house.change("update person set role = 'finance' where email = 'eve@example.net'")
        await come_in(browser, fresh, "eve")
        assert await _role(house, "eve@example.net") is Role.FINANCE  # given here, so not the provider's to take
    tags = await house.tags()
    assert [tags.count(tag) for tag in ("sso:changed", "work-account:connected", "role:given")] == [1, 2, 3]
    assert "person:added" in tags
    stored = await house.value("select sealed_secret from sso_provider")
    assert provider.client_secret.encode() not in bytes(stored)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "ada@example.org", "email_verified": False}, "has not verified"),
        ({"email": "ada@example.org"}, "has not verified"),
        ({"email": "ada@example.org", "email_verified": "true"}, "has not verified"),
        ({"email": "ada@evil.example", "email_verified": True}, "Only addresses of example.org, example.net"),
        ({"email": "ada@example.org@evil.example", "email_verified": True}, "no e-mail address"),
        ({"email_verified": True}, "no e-mail address"),
        ({"email": "robin@example.org", "email_verified": True}, "Owners are not found by their address"),
    ],
)
async def test_a_provider_that_does_not_stand_for_an_address_is_not_believed(
    house: House,
    robin: httpx.AsyncClient,
    provider: OidcProvider,
    people: Callable[[str], httpx.AsyncClient],
    claims: dict[str, Any],
    words: str,
) -> None:
    await set_up(robin, provider)
    provider.tell("liar", **claims)
    async with house.browser() as browser:
        refused = await come_in(browser, people("liar"), "liar")
        assert (refused.status_code, words in refused.text) == (400, True), refused.text
        assert (await browser.get("/me")).status_code == 401
    assert await house.value("select count(*) from work_account") == 0
    assert await house.value("select count(*) from person") == 2


async def test_who_is_gone_unknown_or_someone_elses_stays_out(
    house: House,
    robin: httpx.AsyncClient,
    provider: OidcProvider,
    people: Callable[[str], httpx.AsyncClient],
) -> None:
    await set_up(robin, provider, adds_people=None, trusts_silence="on")
    provider.tell("ada", email="ada@example.org")  # silence counts as verified, as the owner said
    provider.tell("new", email="new@example.org", email_verified=True)
    provider.tell("heir", **ADA)
    async with house.browser() as browser:
        assert (await come_in(browser, people("ada"), "ada")).status_code == 303
        unknown = await come_in(browser, people("new"), "new")
        assert "Nobody with the address new@example.org" in unknown.text
        heir = await come_in(browser, people("heir"), "heir")  # the address of someone who is connected already
        assert "connected to another work account" in heir.text
        await house.change("update person set status = 'inactive' where person_id = %s", house.ada)
        gone = await come_in(browser, people("ada"), "ada")
        assert "may not sign in here any more" in gone.text


async def test_what_comes_back_counts_once_in_the_browser_that_asked_and_soon(
    house: House,
    robin: httpx.AsyncClient,
    provider: OidcProvider,
    people: Callable[[str], httpx.AsyncClient],
    other_tenant: object,
) -> None:
    del other_tenant
    await set_up(robin, provider)
    provider.tell("ada", **ADA)
    async with house.browser() as browser, house.browser() as other:
        begun = await browser.get("/sign-in/north/sso")
        back = await there(people("ada"), begun.headers["location"], "ada")
        stolen = await other.get(back)
        assert (stolen.status_code, "not asked for in this browser" in stolen.text) == (400, True)
        elsewhere = await browser.get(back.replace("/north/", "/south/"))
        assert elsewhere.status_code == 400
        assert (await browser.get(back)).status_code == 303
        again = await browser.get(back)
        assert (again.status_code, "second time" in again.text) == (400, True)

        begun = await browser.get("/sign-in/north/sso")
        back = await there(people("ada"), begun.headers["location"], "ada")
        mixed_up = await browser.get(re.sub("iss=[^&]*", "iss=https%3A%2F%2Fother.example", back))
        assert "another provider" in mixed_up.text
        for query, words in (("error=access_denied", "access_denied"), ("code=wrong", "Begin again")):
            begun = await browser.get("/sign-in/north/sso")
            state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
            told = f"/sign-in/north/sso/return?{query}&state={state}&iss={provider.issuer}"
            refused = await browser.get(told)
            assert (refused.status_code, words in refused.text) == (400, True), refused.text
        begun = await browser.get("/sign-in/north/sso")
        back = await there(people("ada"), begun.headers["location"], "ada")
        await house.change("update sign_in_attempt set expires_at = now()")
        assert "too late" in (await browser.get(back)).text
        assert (await browser.get("/sign-in/south/sso")).status_code == 400


async def test_an_owner_connects_confirms_and_disconnects(
    house: House,
    robin: httpx.AsyncClient,
    ada: httpx.AsyncClient,
    provider: OidcProvider,
    people: Callable[[str], httpx.AsyncClient],
) -> None:
    await set_up(robin, provider)
    provider.tell("robin", email="whatever@elsewhere.example", groups=["auditors"])
    provider.tell("ada", **ADA)
    page = (await robin.post("/me/sign-in/work-account/connect")).text
    address = re.search(r'href="(http://127[^"]+)"', page)
    assert address is not None
    back = await there(people("robin"), address[1].replace("&amp;", "&"), "robin")
    assert (await ada.get(back)).status_code == 400  # begun by someone else
    connected = await robin.get(back)
    assert connected.headers["location"] == "/me/sign-in?said=connected"
    assert await _role(house, "robin@example.org") is Role.OWNER  # no group makes less of an owner either
    async with house.browser() as browser:
        assert (await come_in(browser, people("robin"), "robin")).headers["location"] == "/"
        assert await _role(house, "robin@example.org") is Role.OWNER

    await house.stale()
    begun = await robin.get("/confirm/sso", params={"next": "/people.csv"})
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    wrong = await robin.get(await there(people("ada"), begun.headers["location"], "ada"))
    assert "another person" in wrong.text
    assert (await robin.get("/people.csv")).status_code == 303
    begun = await robin.get("/confirm/sso", params={"next": "/people.csv"})
    confirmed = await robin.get(await there(people("robin"), begun.headers["location"], "robin"))
    assert confirmed.headers["location"] == "/people.csv"
    assert (await robin.get("/people.csv")).status_code == 200

    await robin.post("/me/sign-in/work-account/disconnect")
    async with house.browser() as browser:
        assert (await come_in(browser, people("robin"), "robin")).status_code == 400
    await ada.post(await house.link(house.ada))
    taken = (await ada.post("/me/sign-in/work-account/connect")).text
    address = re.search(r'href="(http://127[^"]+)"', taken)
    assert address is not None
    await ada.get(await there(people("ada"), address[1].replace("&amp;", "&"), "ada"))
    page = (await robin.post("/me/sign-in/work-account/connect")).text
    address = re.search(r'href="(http://127[^"]+)"', page)
    assert address is not None
    theirs = await robin.get(await there(people("ada"), address[1].replace("&amp;", "&"), "ada"))
    assert "connected to someone else" in theirs.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": ""}, "Issuer: the address"),
        ({"issuer": "http://login.example.org"}, "must begin with https://"),
        ({"issuer": "https://user@login.example.org"}, "must begin with https://"),
        ({"issuer": "http://127.0.0.1:1"}, "does not answer"),
        ({"issuer": "file:///etc/passwd"}, "must begin with https://"),
        ({"client_id": " "}, "Client ID"),
        ({"client_secret": ""}, "Client secret"),
        ({"email_domains": ""}, "Domains: at least one"),
        ({"email_domains": "example.org, nodot"}, "“nodot” is no domain"),
        ({"group_claim": ""}, "Claim with groups"),
        ({"group-1": "it-admins"}, "twice"),
        ({"role-0": "owner"}, "no group can make an owner"),
    ],
)
async def test_settings_that_cannot_be_are_refused_by_name_and_change_nothing(
    house: House, robin: httpx.AsyncClient, provider: OidcProvider, changes: dict[str, str], words: str
) -> None:
    refused = await set_up(robin, provider, **changes)
    assert (refused.status_code, words in refused.text) == (422, True), refused.text
    assert provider.client_secret not in refused.text
    assert await house.value("select count(*) from sso_provider") == 0


async def test_settings_keep_their_secret_for_their_own_provider(
    house: House, robin: httpx.AsyncClient, provider: OidcProvider
) -> None:
    await set_up(robin, provider)
    page = (await robin.get("/settings/sign-in")).text
    assert "https://toktra.test/sign-in/north/sso/return" in page
    assert provider.client_secret not in page
    kept = await set_up(robin, provider, client_secret="", email_domains="example.org")
    assert kept.status_code == 303
    other = await set_up(robin, provider, client_secret="", issuer=provider.issuer + "/")
    assert (other.status_code, "none is kept for this issuer" in other.text) == (422, True)
    misspelt = await set_up(robin, provider, issuer=provider.issuer + "/")
    assert "letter by letter" in misspelt.text
    await robin.post("/settings/sign-in/remove")
    assert (await house.tags())[-1] == "sso:removed"
    async with house.browser() as browser:
        assert "work account" not in (await browser.get("/sign-in/north")).text


async def _role(house: House, email: str) -> Role:
    return Role(await house.value("select role from person where lower(email) = %s", email))

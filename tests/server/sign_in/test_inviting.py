"""A link by mail for people who have no way in, through a real relay."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest
from tests.server.mail.conftest import Relay, relaying

from toktra.server.jobs.worker import work_off
from toktra.server.people.service import add_person
from toktra.server.settings import MailTls, ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls
    from tests.server.sign_in.conftest import App, House


@pytest.fixture
def mailing(house: House, urls: Urls) -> Callable[[Relay], Awaitable[None]]:
    """Does every job that is due, and hands letters to this relay."""

    async def send(relay: Relay) -> None:
        settings = ServerSettings(
            database_url=urls.app,
            site_address="https://toktra.test",
            mail_relay="127.0.0.1",
            mail_port=relay.port,
            mail_tls=MailTls.NONE,
            mail_from="toktra@north.example",
        )
        house.app.state.settings = settings
        await work_off(settings)

    return send


async def person(house: House, name: str, email: str | None, role: Role = Role.EMPLOYEE) -> UUID:
    return await add_person(house.database, house.tenant.tenant_id, display_name=name, role=role, email=email)


@pytest.fixture
async def owner(house: House) -> object:
    async with house.browser() as browser:
        await browser.post(await house.link(house.owner))
        yield browser


async def test_who_is_invited_comes_in_once_and_sees_it(
    house: House, owner: httpx.AsyncClient, mailing: Callable[[Relay], Awaitable[None]]
) -> None:
    kim = await person(house, "Kim Example", "kim@example.org")
    async with relaying(Relay(), None) as relay:
        await mailing(relay)
        assert "Send a sign-in link" in (await owner.get(f"/people/{kim}")).text
        sent = await owner.post(f"/people/{kim}/sign-in-link")
        assert (sent.status_code, sent.headers["location"]) == (303, f"/people/{kim}?said=invited")
        again = await owner.post(f"/people/{kim}/sign-in-link")
        assert (again.status_code, "sent to them today already" in again.text) == (400, True)
        await mailing(relay)
    assert relay.recipients == ["kim@example.org"]
    [letter] = relay.messages
    assert letter["Subject"] == "Your page at North"
    text = letter.get_body(("plain",))
    assert text is not None
    found = re.search(r"https://toktra\.test(/sign-in/\S+)", text.get_content())
    assert found is not None
    assert await house.value("select count(*) from sign_in_link where person_id = %s", kim) == 1
    kept = await house.value("select count(*) from mail_letter where content is not null")
    assert kept == 0  # the link is in no letter any more
    async with house.browser() as hers:
        assert "Kim Example" in (await hers.get(found[1])).text  # looking uses nothing up
        assert (await hers.post(found[1])).status_code == 303
        assert "link" in (await hers.get("/me/who-looked")).text
    async with house.browser() as other:
        assert (await other.post(found[1])).status_code == 410


async def test_nobody_else_is_sent_one(
    house: House, owner: httpx.AsyncClient, ada: httpx.AsyncClient, with_password: Callable[..., Awaitable[App]],
    mailing: Callable[[Relay], Awaitable[None]],
) -> None:  # fmt: skip
    await with_password(ada)
    officer = await person(house, "Pat Example", "pat@example.org", Role.PRIVACY_OFFICER)
    silent = await person(house, "Lee Example", None)
    gone = await person(house, "Jo Example", "jo@example.org")
    await house.change("update person set status = 'inactive' where person_id = %s", gone)
    sam = await person(house, "Sam Example", "sam@example.org", Role.ADMINISTRATOR)
    without_relay = await owner.post(f"/people/{silent}/sign-in-link")
    assert (without_relay.status_code, "sends no mail" in without_relay.text) == (400, True)
    async with relaying(Relay(), None) as relay, house.browser() as his:
        await mailing(relay)
        await his.post(await house.link(sam))
        for browser, whom, said in (
            (owner, house.ada, "They have a way to sign in"),
            (owner, silent, "no e-mail address"),
            (owner, gone, "Nobody here"),
            (his, officer, "Only an owner"),
            (his, house.owner, "Only an owner"),
        ):
            answer = await browser.post(f"/people/{whom}/sign-in-link")
            assert (answer.status_code, said in answer.text) == (400, True), said
        assert "Send a sign-in link" not in (await his.get(f"/people/{officer}")).text
        assert (await ada.post(f"/people/{silent}/sign-in-link")).status_code == 403
        await mailing(relay)
    assert relay.messages == []
    assert await house.value("select count(*) from sign_in_link where used_at is null") == 0

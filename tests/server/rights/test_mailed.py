"""Who has no account asks by mail: the same answer for every address, a link, an officer who finds out who it is."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest
from tests.server.mail.conftest import Relay, relaying
from tests.server.portal.conftest import Browsers, Office

from toktra.server.jobs.worker import work_off
from toktra.server.people.service import add_person
from toktra.server.rights.mailed import links
from toktra.server.settings import MailTls, ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls

PASSPHRASE = "a long sample passphrase"
NO_WORDS = {"details": ""}
SENT = "A letter is on its way to the address you typed"


@dataclass
class Post:
    """The mail of an organisation: what its relay took, and a worker that brings it there."""

    relay: Relay
    work: Callable[[], Awaitable[None]]

    async def newest_link(self, to: str) -> str:
        """The path in the newest letter to an address."""
        await self.work()
        text = self.texts(to)[-1]
        found = re.search(r"https://ai\.example\.org(/ask/\S+)", text)
        assert found is not None, text
        return found[1]

    def texts(self, to: str) -> list[str]:
        bodies = [message.get_body(("plain",)) for message in self.relay.messages if message["To"] == to]
        return [body.get_content() for body in bodies if body is not None]


@pytest.fixture
async def mail(browsers: Browsers, urls: Urls) -> AsyncIterator[Post]:
    async with relaying(Relay(), None) as relay:
        settings = ServerSettings(
            database_url=urls.app,
            site_address="https://ai.example.org",
            mail_relay="127.0.0.1",
            mail_port=relay.port,
            mail_tls=MailTls.NONE,
            mail_from="toktra@north.example",
        )
        app: Any = browsers.transport.app
        app.state.settings = settings

        async def work() -> None:
            await work_off(settings)

        yield Post(relay, work)


@asynccontextmanager
async def stranger(browsers: Browsers) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=browsers.transport, base_url="http://test") as browser:
        yield browser


async def ask(browser: httpx.AsyncClient, email: str, kind: str = "access") -> httpx.Response:
    return await browser.post("/ask/north", data={"email": email, "kind": kind})


async def gone_person(office: Office) -> UUID:
    """Someone who has left and cannot sign in any more."""
    person = await add_person(
        office.database,
        office.tenant.tenant_id,
        display_name="Ina Beispiel",
        role=Role.EMPLOYEE,
        email="ina@sample.example",
    )
    await (await office.desk(person, "laptop-17")).use(times=3)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update person set status = 'inactive' where person_id = %s", [person])
    return person


async def test_who_left_gets_their_copy_by_mail_once_the_officer_knows_them(
    office: Office, browsers: Browsers, mail: Post, urls: Urls
) -> None:
    person = await gone_person(office)
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    async with stranger(browsers) as theirs:
        assert SENT in (await ask(theirs, "Ina@sample.example")).text
        page = await mail.newest_link("Ina@sample.example")
        assert "Confirm your request" in (await theirs.get(page)).text
        assert "No open request" in (await officer.get("/rights")).text  # opening makes nothing
        assert (await theirs.post(page, data={"details": "I was in sales."})).status_code == 303
        assert (await theirs.post(page, data={"details": ""})).status_code == 303  # the same once more
        standing = (await theirs.get(page)).text
        for said in ("R-001", "The privacy office finds out who you are", "Received"):
            assert said in standing
        sealing = {"sealed_by": "passphrase", "passphrase": PASSPHRASE, "again": PASSPHRASE}
        assert (await theirs.post(f"{page}/seal", data=sealing)).status_code == 404  # nobody knows yet who it is

        queue = (await officer.get("/rights")).text
        assert "Ina@sample.example" in queue
        here = re.search(r"/rights/[0-9a-f-]{36}", queue)
        assert here is not None
        one = (await officer.get(here[0])).text
        assert "asked by mail from Ina@sample.example" in one
        assert "I was in sales." in one
        wrong = await officer.post(
            f"{here[0]}/identify", data={"person": "Nobody", "how": "She called from her number."}
        )
        assert (wrong.status_code, "one person, in full" in wrong.text) == (422, True)
        ina = {"person": "Ina@sample.example", "how": "The address is that of her entry."}
        assert (await officer.post(f"{here[0]}/identify", data=ina)).status_code == 303

        page = await mail.newest_link("Ina@sample.example")  # a letter with a link of its own
        assert "Make my copy" in (await theirs.get(page)).text
        assert (await theirs.post(f"{page}/seal", data=sealing)).status_code == 303
        page = await mail.newest_link("Ina@sample.example")
        assert "Your copy" in (await theirs.get(page)).text
        refused = await theirs.post(f"{page}/copy.zip", data={"passphrase": "another passphrase"})
        assert refused.status_code == 422
        copy = await theirs.post(f"{page}/copy.zip", data={"passphrase": PASSPHRASE})
        with zipfile.ZipFile(io.BytesIO(copy.content)) as archive:
            assert b"laptop-17" in archive.read("about-you.json")
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select tag, subject_id from audit_entry where tag like 'rights-%' order by number")
        assert rows.fetchall() == [("rights-request:made", None), ("rights-request:decided", person)]
        held = connection.execute("select string_agg(l::text, ' ') from rights_link l").fetchone()
        assert held is not None
        assert page.rpartition(".")[2] not in held[0]


async def test_nobody_learns_who_is_known(office: Office, browsers: Browsers, mail: Post) -> None:
    await gone_person(office)
    async with stranger(browsers) as theirs:
        known, unknown = await ask(theirs, "ina@sample.example"), await ask(theirs, "nobody@sample.example")
        assert known.text == unknown.text
        pages = [await mail.newest_link(to) for to in ("ina@sample.example", "nobody@sample.example")]
        first, second = mail.texts("ina@sample.example")[0], mail.texts("nobody@sample.example")[0]
        assert re.sub(r"/ask/\S+", "", first) == re.sub(r"/ask/\S+", "", second)
        for page in pages:
            await theirs.post(page, data=NO_WORDS)
        own = r'R-00\d|/ask/\S+|\d\d:\d\d|datetime="[^"]*"'
        shown = [re.sub(own, "", (await theirs.get(page)).text) for page in pages]
        assert shown[0] == shown[1]


async def test_refusing_says_why_and_an_objection_stops_recording_only_when_it_is_known_whose(
    office: Office, browsers: Browsers, mail: Post, urls: Urls
) -> None:
    person = await gone_person(office)
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    async with stranger(browsers) as theirs:
        await ask(theirs, "nobody@sample.example")
        unknown = await mail.newest_link("nobody@sample.example")
        await theirs.post(unknown, data=NO_WORDS)
        await ask(theirs, "ina@sample.example", "objection")
        objection = await mail.newest_link("ina@sample.example")
        short = await theirs.post(objection, data={"details": "no"})
        assert short.status_code == 422
        await theirs.post(objection, data={"details": "My situation is a particular one."})
        with psycopg.connect(urls.superuser) as connection:
            assert connection.execute("select count(*) from recording_stop").fetchone() == (0,)
            ids = [row[0] for row in connection.execute("select request_id from rights_request order by number")]
        await officer.post(f"/rights/{ids[0]}/refuse", data={"reason": "Nothing is kept about this address."})
        assert "Nothing is kept about this address." in (await theirs.get(unknown)).text
        how = {"person": "Ina Beispiel", "how": "She wrote from the address in her entry."}
        assert (await officer.post(f"/rights/{ids[1]}/identify", data=how)).status_code == 303
        with psycopg.connect(urls.superuser) as connection:
            assert connection.execute("select person_id, cause from recording_stop").fetchall() == [
                (person, "objection")
            ]
        again = await officer.post(f"/rights/{ids[1]}/identify", data=how)
        assert (again.status_code, "known already" in again.text) == (422, True)


async def test_limits_and_what_cannot_be(
    office: Office, browsers: Browsers, mail: Post, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stranger(browsers) as theirs:
        for form, said in (
            ({"email": "no address", "kind": "access"}, "is not an e-mail address"),
            ({"email": "", "kind": "access"}, "say where the letter is to go"),
            ({"email": "ina@sample.example", "kind": "everything"}, "choose one of the list"),
        ):
            answer = await theirs.post("/ask/north", data=form)
            assert (answer.status_code, said in answer.text) == (422, True)
        for _ in range(links.MOST_OF_ADDRESS + 2):
            assert SENT in (await ask(theirs, "ina@sample.example")).text  # the same, whether sent or not
        await mail.work()
        assert len(mail.texts("ina@sample.example")) == links.MOST_OF_ADDRESS
        for path in ("/ask/north.xyz", f"/ask/north.{'x' * 43}", f"/ask/nowhere.{'x' * 43}", "/ask/nowhere"):
            assert (await theirs.get(path)).status_code == 404
        page = await mail.newest_link("ina@sample.example")
        with psycopg.connect(urls.superuser) as connection:
            connection.execute("update rights_link set expires_at = now()")
        assert (await theirs.post(page)).status_code == 404

        monkeypatch.setattr(links, "MOST_IN_ALL", 1)
        await ask(theirs, "first@sample.example")
        assert (await ask(theirs, "second@sample.example")).status_code == 429
        for _ in range(10):
            last = await ask(theirs, "first@sample.example")
        assert last.status_code == 429
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            kept = await (await connection.execute("select count(*) from rights_link")).fetchone()
        assert kept == (1,)  # what had expired is forgotten


async def test_an_erasure_by_mail_leaves_nothing_of_the_address(
    office: Office, browsers: Browsers, mail: Post, urls: Urls
) -> None:
    await gone_person(office)
    await office.person("Robin Sample", Role.OWNER)
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    async with stranger(browsers) as theirs:
        await ask(theirs, "ina@sample.example", "erasure")
        await theirs.post(await mail.newest_link("ina@sample.example"), data=NO_WORDS)
        with psycopg.connect(urls.superuser) as connection:
            [[request_id]] = connection.execute("select request_id from rights_request").fetchall()
        how = {"person": "ina@sample.example", "how": "She wrote from the address in her entry."}
        assert (await officer.post(f"/rights/{request_id}/identify", data=how)).status_code == 303
        assert (await officer.post(f"/rights/{request_id}/grant", data={"reason": ""})).status_code == 303
        await mail.work()
    with psycopg.connect(urls.superuser) as connection:
        for table in ("rights_request", "rights_link", "person", "audit_entry", "rights_step"):
            rows = connection.execute(
                f"select coalesce(string_agg(t::text, ' '), '') from {table} t".encode()
            ).fetchone()
            assert rows is not None
            assert "ina@sample" not in rows[0], table

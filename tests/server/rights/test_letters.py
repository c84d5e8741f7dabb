"""Letters: people are told what happened to their request, officers what waits; none says more than it must."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from toktra.server.jobs import Work
from toktra.server.rights.telling_job import remind
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.server.conftest import Urls
    from tests.server.portal.conftest import Browsers, Office


def letters(urls: Urls) -> list[tuple[Any, str, str]]:
    """To whom, the subject, and everything the letter says."""
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select person_id, content from mail_letter order by written_at").fetchall()
    return [(row[0], row[1]["subject"], str(row[1])) for row in rows]


async def test_a_person_is_told_and_officers_are_reminded_once_a_day(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    person = await office.person("Ina Beispiel")
    officer = await office.person("Kim Sample", Role.PRIVACY_OFFICER)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = person_id || '@sample.example'")
    theirs = await browsers.of(office, officer)
    received = datetime.now(UTC).date() - timedelta(days=20)
    form = {"person": "Ina Beispiel", "kind": "objection", "regulation": "ccpa", "received": received.isoformat()}
    made = await theirs.post("/rights/new", data={**form, "details": "My confidential reasons."})
    here = made.headers["location"]
    assert [(to, subject) for to, subject, _text in letters(urls)] == [(person, "Your request R-001")]

    work = Work(office.tenant.tenant_id, office.database, ServerSettings(), attempt=1, is_last_attempt=False)
    await remind.function(work)
    assert len(letters(urls)) == 1  # 25 days left: nobody is reminded
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update rights_request set due_on = current_date - 1")
    for _twice in range(2):
        await remind.function(work)
    assert [(to, subject) for to, subject, _text in letters(urls)][1:] == [(officer, "R-001: 1 day overdue")]

    await theirs.post(f"{here}/refuse", data={"reason": "The confidential grounds of it."})
    assert letters(urls)[-1][0] == person
    everything = "".join(text for _to, _subject, text in letters(urls))
    for unsaid in ("confidential", "Ina Beispiel"):
        assert unsaid not in everything
    assert "Reminder sent" in (await theirs.get(here)).text


async def test_letters_are_in_the_organisations_language_whoever_decides(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    person = await office.person("Ina Beispiel")
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    own = await browsers.of(office, person)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = person_id || '@sample.example'")
    refused = await theirs.post("/notices/language", data={"language_of_letters": "fr"})
    assert refused.status_code == 422
    assert (await own.post("/notices/language", data={"language_of_letters": "de"})).status_code == 403
    for browser in (theirs, own):  # what readers choose for their pages is another matter
        browser.headers["accept-language"] = "en"
    assert (await theirs.post("/notices/language", data={"language_of_letters": "de"})).status_code == 303
    made = await own.post("/me/rights/new", data={"kind": "erasure"})
    here = made.headers["location"].partition("?")[0].replace("/me", "")
    await theirs.post(f"{here}/extend", data={"reason": "Records of a former system are searched."})
    [(to, subject, text)] = letters(urls)
    assert (to, subject) == (person, "Ihre Anfrage R-001")
    assert "Für Ihre Anfrage wird mehr Zeit gebraucht" in text
    assert "Extended" in (await theirs.get(here)).text
    assert "language-of-letters" in (await theirs.get("/audit")).text


async def test_a_full_disk_is_noted_told_and_audited_and_the_copy_is_made_later(
    office: Office, browsers: Browsers, urls: Urls, work: Callable[[], Awaitable[None]]
) -> None:
    person = await office.person("Ina Beispiel")
    officer = await office.person("Kim Sample", Role.PRIVACY_OFFICER)
    own, theirs = await browsers.of(office, person), await browsers.of(office, officer)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = person_id || '@sample.example'")
        connection.execute(
            "create function no_room() returns trigger language plpgsql as "
            "$$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$"
        )
        connection.execute(
            "create trigger no_room before insert on rights_bundle_part for each row execute function no_room()"
        )
    passphrase = "a long sample passphrase"
    made = await own.post("/me/rights/new", data={"kind": "access", "passphrase": passphrase, "again": passphrase})
    here = made.headers["location"].partition("?")[0]
    for _attempt in range(3):
        await work()
        with psycopg.connect(urls.superuser) as connection:
            connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    with psycopg.connect(urls.superuser) as connection:
        written = connection.execute("select person_id from mail_letter where once like 'rights-delayed-%'").fetchall()
    assert written == [(officer,)]
    page = (await theirs.get(here.replace("/me", ""))).text
    assert page.count("The server could not do it yet") == 1
    assert "delayed" in (await theirs.get("/audit")).text
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("drop trigger no_room on rights_bundle_part")
    await work()
    assert "Open and download" in (await own.get(here)).text


async def test_a_letter_that_was_given_up_is_told_to_who_answers(
    office: Office, browsers: Browsers, urls: Urls, work: Callable[[], Awaitable[None]]
) -> None:
    person = await office.person("Ina Beispiel")
    own = await browsers.of(office, person)
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await theirs.post("/notices/about", data={"authority": "Sample Authority, Sampletown"})
    made = await own.post("/me/rights/new", data={"kind": "erasure"})
    here = made.headers["location"].partition("?")[0]
    await theirs.post(f"{here.replace('/me', '')}/refuse", data={"reason": "The accounts must be kept by law."})
    await work()
    page = (await theirs.get(here.replace("/me", ""))).text
    assert "was not sent: this server has no mail relay" in page
    assert "The authority for us: Sample Authority, Sampletown." in (await own.get(here)).text

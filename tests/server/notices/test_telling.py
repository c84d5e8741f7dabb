"""Letters about notices: one when it is new, reminders where confirming decides, none to who confirmed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from tests.server.notices.test_notices import ABOUT, EU

from toktra.server.jobs import Work
from toktra.server.notices.telling_job import tell
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls
    from tests.server.portal.conftest import Browsers, Office

Morning = Callable[[float], Awaitable[list[tuple[UUID, str, str]]]]


@pytest.fixture
def morning(office: Office, urls: Urls) -> Morning:
    """The job, so many days after everything so far; the letters it wrote: to whom, subject, all of it."""

    async def run(days_later: float) -> list[tuple[UUID, str, str]]:
        with psycopg.connect(urls.superuser) as connection:
            for change in ("notice set published_at = published_at", "person set created_at = created_at"):
                connection.execute(f"update {change} - make_interval(secs => %s)".encode(), [days_later * 86400])
            before = connection.execute("select count(*) from mail_letter").fetchone()
        work = Work(office.tenant.tenant_id, office.database, ServerSettings(), attempt=1, is_last_attempt=False)
        await tell.function(work)
        await tell.function(work)  # safe to repeat
        with psycopg.connect(urls.superuser) as connection:
            rows: list[Any] = connection.execute(
                "select person_id, content from mail_letter order by written_at offset %s", before
            ).fetchall()
        return [(row[0], row[1]["subject"], str(row[1])) for row in rows]

    return run


async def published(office: Office, browsers: Browsers, urls: Urls, first: str, language: str = "en") -> UUID:
    """A notice, and Ina, who has an address."""
    ina = await office.person("Ina Beispiel")
    await office.person("Max Placeholder")  # without an address
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = 'ina@sample.example' where person_id = %s", [ina])
    await officer.post("/notices/first", data={"first": first})
    await officer.post("/notices/about", data=ABOUT)
    assert (await officer.post("/notices/publish", data={**EU, "language": language})).status_code == 303
    return ina


async def test_who_has_to_confirm_is_told_and_reminded_until_they_do(
    office: Office, browsers: Browsers, urls: Urls, morning: Morning
) -> None:
    ina = await published(office, browsers, urls, "acknowledgement")
    [(to, subject, text)] = await morning(0.5)
    assert (to, subject) == (ina, "A notice about AI services at work")
    for said in ("Nothing is recorded of you until", "/me/notices", "To confirm is not to agree"):
        assert said in text
    assert "Ina" not in text
    assert await morning(1) == []
    assert [letter[1] for letter in await morning(2)] == ["Reminder: a notice waits for you"]
    assert await morning(3) == []
    assert len(await morning(4)) == 1
    assert (await (await browsers.of(office, ina)).post("/me/notices/1/confirm")).status_code == 303
    assert await morning(14) == []


async def test_elsewhere_one_letter_is_enough_and_who_comes_later_gets_it_too(
    office: Office, browsers: Browsers, urls: Urls, morning: Morning
) -> None:
    await published(office, browsers, urls, "publication", "de")
    [(_to, _subject, text)] = await morning(0.1)
    assert "Nothing is recorded of you" not in text
    assert await morning(5) == []
    lee = await office.person("Lee Beispiel")
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = 'lee@sample.example' where person_id = %s", [lee])
    assert [letter[0] for letter in await morning(1)] == [lee]
    assert await morning(60) == []


async def test_without_a_notice_nobody_is_written_to(office: Office, morning: Morning) -> None:
    await office.person("Ina Beispiel")
    assert await morning(1) == []

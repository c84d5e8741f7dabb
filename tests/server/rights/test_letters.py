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

"""Retention: the bounds, what a change would delete, the nightly deletion, whole months, and what stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from tests.server.conftest import Urls
from tests.server.portal.conftest import Browsers, Office

from toktra.compliance.keeping import BOUNDS, DaysOutOfBounds, Kind, check_days
from toktra.server.audit import service as audit
from toktra.server.audit.chain import START, Broken, Entry, Fault, Head, hash_of
from toktra.server.jobs import Work
from toktra.server.retention.jobs import delete, drop_months
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Role


async def night(office: Office) -> None:
    """What the nightly job does."""
    work = Work(office.tenant.tenant_id, office.database, ServerSettings(), attempt=1, is_last_attempt=False)
    await delete.function(work)


def days_ago(urls: Urls, tenant: UUID) -> list[int]:
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute(
            "select distinct (now() at time zone 'UTC')::date - (at at time zone 'UTC')::date from usage_event "
            "where tenant_id = %s",
            [tenant],
        ).fetchall()
    return sorted(row[0] for row in rows)


async def test_a_change_is_previewed_made_and_carried_out_at_night(
    office: Office, other_office: Office, browsers: Browsers, urls: Urls
) -> None:
    desk = await office.desk(await office.person("Ina Beispiel"))
    theirs = await other_office.desk(await other_office.person("Max Placeholder"))
    for back in (0, 29, 30, 31, 200):
        await desk.use(days_ago=back, times=2)
        await theirs.use(days_ago=back, times=1)
    browser = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    page = (await browser.get("/retention?kind=events&days=30")).text
    assert "loses 4 rows" in page
    await night(office)
    assert days_ago(urls, office.tenant.tenant_id) == [0, 29, 30, 31, 200]  # the rule is not changed yet
    assert (await browser.post("/retention/change", data={"kind": "events", "days": "30"})).status_code == 303
    page = (await browser.get("/retention")).text
    assert "older data is there" in page
    await night(office)
    assert days_ago(urls, office.tenant.tenant_id) == [0, 29, 30]
    assert days_ago(urls, other_office.tenant.tenant_id) == [0, 29, 30, 31, 200]
    page = (await browser.get("/retention")).text
    assert "older data is there" not in page
    assert "4 rows" in page
    await night(office)  # safe to repeat
    assert days_ago(urls, office.tenant.tenant_id) == [0, 29, 30]


async def test_sums_outlive_single_uses_and_a_hold_keeps_both(office: Office, urls: Urls) -> None:
    held, other = await office.person("Ina Beispiel"), await office.person("Max Placeholder")
    for person in (held, other):
        desk = await office.desk(person)
        await desk.use(days_ago=390, times=1)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "insert into retention_rule (tenant_id, kind, keep_days) "
            "values (%(t)s, 'events', 10), (%(t)s, 'sums', 390)",
            {"t": office.tenant.tenant_id},
        )
        connection.execute(
            "insert into legal_hold (tenant_id, person_id, authority, reason, ends_on) "
            "values (%s, %s, 'a court', 'a case', current_date)",
            [office.tenant.tenant_id, held],
        )
    await night(office)
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select person_id from usage_event").fetchall() == [(held,)]
        assert connection.execute("select count(*) from usage_daily").fetchone() == (2,)
        connection.execute("update retention_rule set keep_days = 100 where kind = 'sums'")
    await night(office)
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select person_id from usage_daily").fetchall() == [(held,)]
        connection.execute("update legal_hold set ends_on = current_date - 1")
    await night(office)
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select count(*) from usage_event").fetchone() == (0,)
        assert connection.execute("select count(*) from usage_daily").fetchone() == (0,)


def months(urls: Urls) -> set[str]:
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select relname from pg_class where relname ~ '^usage_event_[0-9]{6}$'").fetchall()
    return {row[0] for row in rows}


def make_month(urls: Urls, days_ago: int) -> str:
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("select create_usage_event_month(%s)", [day])
    return f"usage_event_{day:%Y%m}"


async def test_months_go_whole_once_no_organisation_may_have_them(
    office: Office, other_office: Office, urls: Urls
) -> None:
    default, most = BOUNDS[Kind.EVENTS].default, BOUNDS[Kind.EVENTS].most
    oldest, old, kept = (make_month(urls, days) for days in (most + 100, most + 62, most - 40))
    over = make_month(urls, default + 62)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "insert into retention_rule (tenant_id, kind, keep_days) values (%s, 'events', %s)",
            [other_office.tenant.tenant_id, most],
        )
    assert await drop_months(office.database) == [oldest, old]
    assert {kept, over} <= months(urls)  # the other organisation may have them
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update retention_rule set keep_days = 1")
    await night(office)
    assert not {kept, over} & months(urls)  # one that has no rule keeps them for the default


async def test_nobody_waits_for_a_month_that_is_being_read(
    office: Office, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toktra.server.retention.jobs._TRIES_S", (0.0, 0.0))
    month = make_month(urls, BOUNDS[Kind.EVENTS].most + 62)
    with psycopg.connect(urls.superuser) as reading:
        reading.execute("select count(*) from usage_event")  # and its transaction goes on
        assert await drop_months(office.database) == []
        assert month in months(urls)
    assert await drop_months(office.database) == [month]


async def test_the_servers_role_cannot_drop_months_that_may_still_be_kept(urls: Urls) -> None:
    with psycopg.connect(urls.app) as connection, pytest.raises(psycopg.errors.InvalidParameterValue):
        connection.execute("select drop_usage_event_months(30)")


@pytest.mark.parametrize(("kind", "days"), [("events", "0"), ("events", "5000"), ("requests", "30"), ("events", "x")])
async def test_days_that_cannot_be_are_refused(office: Office, browsers: Browsers, kind: str, days: str) -> None:
    browser = await browsers.of(office, await office.person("Kim Sample", Role.OWNER))
    for answer in (
        await browser.get(f"/retention?kind={kind}&days={days}"),
        await browser.post("/retention/change", data={"kind": kind, "days": days}),
    ):
        assert answer.status_code == 422
        assert "Nothing was changed" in answer.text


def test_the_bounds_hold_their_defaults() -> None:
    for kind, bounds in BOUNDS.items():
        check_days(kind, bounds.default)
        with pytest.raises(DaysOutOfBounds, match=kind.value):
            check_days(kind, bounds.most + 1)


async def test_the_oldest_entries_of_the_trail_go_and_the_rest_still_proves_itself(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    tenant_id = office.tenant.tenant_id
    entries = old_entries(urls, tenant_id, [3000, 900, 800])
    browser = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    assert "loses 3 rows" in (await browser.get("/retention?kind=audit&days=731")).text
    assert (await browser.post("/retention/change", data={"kind": "audit", "days": "700"})).status_code == 422
    await browser.post("/retention/change", data={"kind": "audit", "days": "850"})
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "insert into legal_hold (tenant_id, person_id, authority, reason, ends_on) "
            "values (%(t)s, %(t)s, 'a court', 'a case', current_date + 1)",
            {"t": tenant_id},
        )
    await night(office)
    assert (await audit.find(office.database, tenant_id, audit.Search(), offset=0, most=99))[-1].number == 1
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from legal_hold")
    await night(office)
    left = await audit.find(office.database, tenant_id, audit.Search(), offset=0, most=99)
    assert left[-1].number == 3
    assert (left[0].tag, left[0].after and left[0].after["entries"]) == ("audit:cut", 2)
    for kept in (entries[1], entries[2]):
        assert (await audit.verify(office.database, tenant_id, Head(kept.number, kept.hash))).broken is None
    forged = Head(2, bytes(32))
    assert (await audit.verify(office.database, tenant_id, forged)).broken == Broken(2, Fault.REWRITTEN)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="731 days"):
        async with office.database.tenant(tenant_id) as connection:
            await audit.cut(connection, tenant_id, datetime.now(UTC).date())
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from audit_entry where number = 3")
    assert (await audit.verify(office.database, tenant_id)).broken == Broken(3, Fault.MISSING)


def old_entries(urls: Urls, tenant_id: UUID, days_old: list[int]) -> list[Entry]:
    """A trail that began so many days ago: an entry's time is part of what its hash covers."""
    entries: list[Entry] = []
    for number, days in enumerate(days_old, 1):
        entry = Entry(
            tenant_id=tenant_id,
            number=number,
            at=datetime.now(UTC) - timedelta(days=days),
            tag="people:exported",
            actor="system",
            actor_id=None,
            actor_role=None,
            command=None,
            subject_id=None,
            reason=None,
            before=None,
            after=None,
            previous_hash=entries[-1].hash if entries else START,
            hash=b"",
        )
        entries.append(replace(entry, hash=hash_of(entry, entry.previous_hash)))
    with psycopg.connect(urls.superuser) as connection:
        for one in entries:
            connection.execute(
                "insert into audit_entry (tenant_id, number, at, tag, actor, previous_hash, hash) "
                "values (%s, %s, %s, %s, %s, %s, %s)",
                [one.tenant_id, one.number, one.at, one.tag, one.actor, one.previous_hash, one.hash],
            )
    return entries

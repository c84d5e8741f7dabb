"""Opening a named person's figures: a reason first, an entry with it, and the figures the person sees too."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from toktra.server.audit import service as audit
from toktra.server.audit.chain import Entry
from toktra.server.audit.service import Search
from toktra.server.costs.memory import Memory
from toktra.server.usage.period import Period
from toktra.server.usage.person import Subject, person_overview
from toktra.server.web.access import Action, Role, may

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tests.server.portal.conftest import Browsers, Office

REASON = {"reason": "November budget review"}


def figures_in(text: str) -> str:
    """The part of a page that holds the figures."""
    found = re.search(r'<div class="figures">(.*)</div>\s*<footer', text, re.DOTALL)
    assert found is not None
    return found[1]


async def entries(office: Office) -> list[Entry]:
    found = await audit.find(office.database, office.tenant.tenant_id, Search(), offset=0, most=50)
    return [entry for entry in found if entry.tag == "usage:viewed"]


async def test_others_see_exactly_what_the_person_is_shown_that_they_see(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.ADMINISTRATOR)
    desk = await office.desk(kim)
    for days_ago in (1, 2, 3, 9, 12):
        await desk.use(days_ago=days_ago, times=days_ago)
    for period in ("7d", "30d", "month"):
        seen = await (await browsers.of(office, boss)).post(f"/people/{kim}/usage", data={**REASON, "period": period})
        assert seen.status_code == 200
        own = await (await browsers.of(office, kim)).get(f"/me/as-others-see-it?period={period}")
        assert figures_in(seen.text) == figures_in(own.text)
        assert "Tokens a day" in seen.text


async def test_the_figures_of_whole_days_are_those_of_the_persons_own_page(office: Office) -> None:
    """Without use today, both readers get the same sums of the days they have in common, from the same query."""
    kim = await office.person("Kim")
    desk = await office.desk(kim)
    for days_ago in range(1, 40):
        await desk.use(days_ago=days_ago, times=days_ago % 3)
    now = datetime.now(UTC)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        own, others = [
            await person_overview(
                connection, Subject(office.tenant.tenant_id, kim, is_reader=is_reader), Period.THIRTY_DAYS, now
            )
            for is_reader in (True, False)
        ]
    of_own = {day.coverage.day: day.tokens for day in own.days}
    of_others = {day.coverage.day: day.tokens for day in others.days}
    common = set(of_own) & set(of_others)
    assert len(common) == 29
    assert {day: of_own[day] for day in common} == {day: of_others[day] for day in common}
    assert max(of_own) == now.date()
    assert max(of_others) == now.date() - timedelta(days=1)


async def test_the_period_before_ends_at_the_same_hour(office: Office) -> None:
    kim = await office.person("Kim")
    desk = await office.desk(kim)
    now = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
    before = now - timedelta(days=7)
    await desk.use(at=before.replace(hour=10, minute=59))
    await desk.use(at=before.replace(hour=11, minute=1))
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        me = Subject(office.tenant.tenant_id, kim, is_reader=True)
        found = await person_overview(connection, me, Period.SEVEN_DAYS, now)
    assert found.totals_before is not None
    assert found.totals_before.exchanges == 1


async def test_neither_today_nor_a_time_is_shown_to_others(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    desk = await office.desk(kim)
    yesterday = await desk.use(days_ago=1)
    browser = await browsers.of(office, boss)
    first = (await browser.post(f"/people/{kim}/usage", data=REASON)).text
    await desk.use(times=30)
    second = (await browser.post(f"/people/{kim}/usage", data=REASON)).text
    assert figures_in(first) == figures_in(second)
    assert "1 of 1 device" not in second
    assert not re.search(r"\b\d\d:\d\d\b", figures_in(second)), "a time of day"
    assert f"{yesterday:%H:%M}" not in figures_in(second)
    assert "30" not in re.findall(r'stat__value">([^<]+)', second)


async def test_a_silent_day_looks_like_a_day_without_use(office: Office) -> None:
    """Also where no device reported at all: a whole day of Privacy Hours must not stand out."""
    kim = await office.person("Kim")
    desk = await office.desk(kim, enrolled_days_ago=5)
    await desk.use(days_ago=2)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute(
            "insert into device_day (tenant_id, day, device_id) values (%s, (now() at time zone 'UTC')::date - 3, %s)",
            [office.tenant.tenant_id, desk.key.device],
        )
        others = Subject(office.tenant.tenant_id, kim, is_reader=False)
        found = await person_overview(connection, others, Period.SEVEN_DAYS, datetime.now(UTC))
    reported, silent = found.days[-3], found.days[-1]
    assert reported.coverage.share == silent.coverage.share == 1
    assert reported.tokens == silent.tokens
    assert found.days[0].tokens is None, "before the first device"


async def test_looking_is_recorded_and_the_person_sees_it(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss Example", Role.PRIVACY_OFFICER)
    await (await office.desk(kim)).use(days_ago=1)
    nobody = (await (await browsers.of(office, kim)).get("/me/who-looked")).text
    browser = await browsers.of(office, boss)
    await browser.post(f"/people/{kim}/usage", data={"reason": "  “Budget”\n<b>review</b> ", "period": "30d"})
    entry = (await entries(office))[0]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert (entry.actor_id, entry.actor_role, entry.subject_id) == (boss, "privacy_officer", kim)
    assert entry.reason == "“Budget” <b>review</b>"
    assert entry.after == {"first_day": str(yesterday - timedelta(days=29)), "last_day": str(yesterday)}
    for path in ("/me", "/me/who-looked"):
        text = html.unescape((await (await browsers.of(office, kim)).get(path)).text)
        assert "<b>Privacy office</b> opened your figures" in text
        assert "Purpose given: ““Budget” <b>review</b>”." in text
        assert "Boss" not in text
    assert "opened your figures" not in nobody


async def test_choosing_another_period_is_another_look(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.AUDITOR)
    await (await office.desk(kim)).use(days_ago=1)
    browser = await browsers.of(office, boss)
    page = (await browser.post(f"/people/{kim}/usage", data=REASON)).text
    assert re.findall(r'name="period" value="(\w+)"', page) == ["7d", "30d", "month"]
    reason = re.search(r'name="reason" value="([^"]+)"', page)
    assert reason is not None
    await browser.post(f"/people/{kim}/usage", data={"reason": reason[1], "period": "month"})
    assert [entry.reason for entry in await entries(office)] == [REASON["reason"]] * 2


@pytest.mark.parametrize(
    "sent", [{}, {"reason": ""}, {"reason": "why?"}, {"reason": "x" * 201}, {"reason": "a\u202eb c d"}]
)
async def test_without_a_usable_reason_nothing_is_shown_and_nothing_recorded(
    office: Office, browsers: Browsers, sent: dict[str, str]
) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    await (await office.desk(kim)).use(days_ago=1, times=7)
    answer = await (await browsers.of(office, boss)).post(f"/people/{kim}/usage", data=sent)
    assert answer.status_code == 400
    assert "Give a purpose of 5 to 200 characters; Kim will read it." in answer.text
    assert "Tokens a day" not in answer.text
    assert await entries(office) == []


@pytest.mark.parametrize("role", [role for role in Role if may(role, Action.READ_PEOPLE)])
async def test_the_way_leads_from_the_directory(office: Office, browsers: Browsers, role: Role) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", role)
    text = (await (await browsers.of(office, boss)).get(f"/people/{kim}")).text
    assert (f'href="/people/{kim}/usage"' in text) == may(role, Action.OPEN_USAGE_OF_PERSON)
    assert may(role, Action.OPEN_USAGE_OF_PERSON), "its page leads back to the directory"


async def test_asking_why_shows_no_figure_and_is_not_recorded(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    await (await office.desk(kim)).use(days_ago=1)
    text = (await (await browsers.of(office, boss)).get(f"/people/{kim}/usage")).text
    assert "Why do you want to see figures about one person?" in text
    assert "Anthropic" not in text
    assert await entries(office) == []


async def test_an_unknown_period_is_refused_before_anything_is_shown(office: Office, browsers: Browsers) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    answer = await (await browsers.of(office, boss)).post(f"/people/{kim}/usage", data={**REASON, "period": "1y"})
    assert answer.status_code == 400
    assert await entries(office) == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VISITOR])
async def test_every_role_for_every_person(
    office: Office, other_office: Office, browsers: Browsers, role: Role
) -> None:
    """Those who may look can open anyone of their organisation; themselves they find on their own page."""
    reader = await office.person("Reader", role)
    others = [await office.person(f"Other {other}", other) for other in Role if other is not Role.VISITOR]
    browser = await browsers.of(office, reader)
    allowed = may(role, Action.OPEN_USAGE_OF_PERSON)
    for other in others:
        assert (await browser.get(f"/people/{other}/usage")).status_code == (200 if allowed else 403)
        assert (await browser.post(f"/people/{other}/usage", data=REASON)).status_code == (200 if allowed else 403)
    assert len(await entries(office)) == (len(others) if allowed else 0)
    stranger = await other_office.person("Stranger")
    for nobody in (stranger, uuid4(), "x"):
        for method in ("GET", "POST"):
            answer = await browser.request(method, f"/people/{nobody}/usage", data=REASON if method == "POST" else None)
            assert answer.status_code in ({404} if allowed else {403, 404})
            assert "Stranger" not in answer.text
    if allowed:
        for method in ("GET", "POST"):
            mine = await browser.request(method, f"/people/{reader}/usage", data=REASON if method == "POST" else None)
            assert mine.headers["location"] == "/me"
    assert await entries(other_office) == []


async def test_figures_are_not_shown_when_they_cannot_be_recorded(
    office: Office, browsers: Browsers, urls: object
) -> None:
    import psycopg

    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    await (await office.desk(kim)).use(days_ago=1)
    browser = await browsers.of(office, boss)
    with psycopg.connect(urls.owner) as connection:  # type: ignore[attr-defined]
        connection.execute("alter table audit_entry add constraint full_disk check (number < 2) not valid")
    with pytest.raises(psycopg.errors.CheckViolation):
        await browser.post(f"/people/{kim}/usage", data=REASON)


async def test_no_figure_of_one_person_is_remembered(
    office: Office, browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.ADMINISTRATOR)
    await (await office.desk(kim)).use(days_ago=1)
    remembered: list[object] = []
    recall = Memory.recall

    def noted(self: Memory, of: Hashable, rows: tuple[object, ...], work: Callable[[], object]) -> object:
        remembered.append(rows)
        return recall(self, of, rows, work)

    monkeypatch.setattr(Memory, "recall", noted)
    assert (await (await browsers.of(office, boss)).post(f"/people/{kim}/usage", data=REASON)).status_code == 200
    assert (await (await browsers.of(office, kim)).get("/me")).status_code == 200
    assert remembered == []
    assert (await (await browsers.of(office, boss)).get("/")).status_code == 200
    assert remembered != []

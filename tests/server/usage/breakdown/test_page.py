"""The usage page over the whole application and its database, beside an independent reading of the events."""

from __future__ import annotations

import csv
import io
import random
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from toktra.catalogue import load_catalogue
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.usage.breakdown import service
from toktra.server.usage.breakdown.service import Breakdown
from toktra.server.usage.breakdown.view import View
from toktra.server.web.access import Role

NOW = datetime.now(UTC)
TODAY = NOW.date()
HOSTS = ("api.openai.com", "api.anthropic.com", "chatgpt.com", "api.mistral.ai", "api.githubcopilot.com", "claude.ai")


def midday(days_ago: int, hour: int = 0) -> datetime:
    """A time of an earlier day; of today only what is over already."""
    at = datetime.combine(TODAY - timedelta(days=days_ago), time(hour), UTC)
    return min(at, NOW - timedelta(minutes=1))


async def breakdown(office: Any, **asked: str) -> Breakdown:
    view = View.read({name.removesuffix("_"): value for name, value in asked.items()}, TODAY)
    return await service.breakdown(office.database, office.tenant.tenant_id, view, NOW)


def text_of(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text.replace("\u00a0", " ")))


async def test_figures_are_those_of_the_events_for_any_view(office: Any) -> None:
    draw = random.Random(7)
    desks = [await office.desk(enrolled_days_ago=90) for _ in range(6)]
    for _ in range(60):
        await draw.choice(desks).use(
            host=draw.choice(HOSTS),
            at=midday(draw.randrange(80), draw.randrange(24)),
            times=draw.randrange(1, 4),
            request_bytes=draw.randrange(1, 10**6),
            response_bytes=draw.randrange(10**6),
            estimated_input_tokens=draw.choice([0, draw.randrange(1, 10**5)]),
        )
    providers = {host: load_catalogue().find(host) for host in HOSTS}
    for _ in range(25):
        back = draw.randrange(60)
        last = TODAY - timedelta(days=back)
        grain = draw.choice(["day", "week", "month"])
        first = last - timedelta(days=draw.randrange(30))
        by = draw.choice(["provider", "kind", "host"])
        kind = draw.choice(["", "chat", "api"])
        found = await breakdown(office, from_=str(first), to=str(last), grain=grain, by=by, kind=kind)
        expected: dict[str, list[int]] = {}
        for host, provider in providers.items():
            assert provider is not None
            if kind and provider.kind != kind:
                continue
            key = {"provider": provider.id, "kind": provider.kind.value, "host": host}[by]
            sums = await independent(office, host, first, last)
            if sums[0]:
                line = expected.setdefault(key, [0, 0, 0])
                for place, amount in enumerate(sums[1:]):
                    line[place] += amount
        got = {line.key: [line.now.exchanges, line.now.request_bytes, line.now.response_bytes] for line in found.lines}
        assert got == expected
        assert found.total.exchanges == sum(line[0] for line in expected.values())
        of_buckets = [bucket.together for bucket in found.buckets if bucket.together]
        assert sum(one.size for one in of_buckets) == found.total.size
        assert found.buckets[0].first == first
        assert found.buckets[-1].last == last


async def independent(office: Any, host: str, first: date, last: date) -> list[int]:
    """Rows, exchanges and bytes of a host, from the events themselves."""
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "select count(*) as rows, count(*) filter (where estimated_input_tokens > 0) as exchanges,"
            " coalesce(sum(request_bytes), 0)::bigint as sent, coalesce(sum(response_bytes), 0)::bigint as received"
            " from usage_event"
            " where provider_host = %s and (at at time zone 'UTC')::date between %s and %s",
            [host, first, last],
        )
        row = await cursor.fetchone()
    return list(row)


async def test_days_without_a_report_are_no_zeros(office: Any) -> None:
    desk = await office.desk(enrolled_days_ago=10)
    await desk.use(at=midday(3))
    await office.reported(desk, 3)
    await office.reported(desk, 2)
    found = await breakdown(office, period="7d")
    said = {bucket.first: bucket.amounts for bucket in found.buckets}
    of_day = [said[TODAY - timedelta(days=back)] for back in (3, 2, 1)]
    assert [amounts and amounts[0].exchanges for amounts in of_day] == [1, 0, None]


async def test_hours_are_said_of_a_crowd_only(office: Any) -> None:
    desks = [await office.desk(enrolled_days_ago=10) for _ in range(5)]
    for desk in desks:
        await desk.use(at=midday(2, 9))
    for desk in desks[:4]:
        await desk.use(at=midday(1, 9))
    last = str(TODAY - timedelta(days=1))
    found = await breakdown(office, from_=str(TODAY - timedelta(days=2)), to=last, grain="hour")
    assert found.hours_withheld
    shown = [bucket.together.exchanges for bucket in found.buckets if bucket.together]
    assert len(found.buckets) == 48
    assert (len(shown), sum(shown)) == (24, 5)
    assert found.total.exchanges == 9


async def test_what_is_new_and_what_changed(office: Any) -> None:
    desk = await office.desk(enrolled_days_ago=40)
    for back in range(14, 0, -1):
        await office.reported(desk, back)
        await desk.use(at=midday(back), times=2 if back > 7 else 200)
    await desk.use(host="api.mistral.ai", at=midday(2))
    found = await breakdown(office, from_=str(TODAY - timedelta(days=7)), to=str(TODAY - timedelta(days=1)))
    assert found.first_seen == ["Mistral API"]
    mistral, anthropic = sorted(found.lines, key=lambda line: line.name, reverse=True)
    assert anthropic.before is not None
    assert anthropic.before.exchanges == 14
    assert mistral.before is not None
    assert mistral.before.exchanges == 0
    assert found.total_before is not None
    nothing = await breakdown(office, period="7d", against="nothing")
    assert nothing.total_before is None
    assert nothing.lines[0].before is None


async def test_small_departments_are_not_shown_and_cannot_be_found(office: Any, owner_api: httpx.AsyncClient) -> None:
    sizes = {"Engineering": 7, "Sales": 6, "Legal": 3}
    for department, size in sizes.items():
        for _ in range(size):
            desk = await in_department(office, department)
            await desk.use(at=midday(2), times=2)
    found = await breakdown(office, by="department", period="7d")
    # Legal alone would be the difference of the total and the others, so the smaller of them is withheld with it.
    assert {line.name: line.now.exchanges for line in found.lines} == {"Engineering": 14, "All others together": 18}
    assert found.total.exchanges == 32
    assert found.departments == ["Engineering"]
    inside = await breakdown(office, department="Engineering", period="7d")
    assert [(line.name, line.now.exchanges) for line in inside.lines] == [("Anthropic API", 14)]
    assert (await breakdown(office, department="Legal", period="7d")).is_empty
    page = text_of(await owner_api.get("/usage?by=department"))
    assert "Usage by department" in page
    assert "Legal" not in page


async def test_use_stays_with_the_department_of_its_day(office: Any) -> None:
    movers = [await in_department(office, "Sales") for _ in range(5)]
    stayers = [await in_department(office, "Sales") for _ in range(5)]
    for desk in [*movers, *stayers]:
        await desk.use(at=midday(5))
    # What is remembered of a day gives way to a record that comes late, and to a change of what divides the day.
    assert [line.now.exchanges for line in (await breakdown(office, by="department", period="7d")).lines] == [10]
    await stayers[0].use(at=midday(5))
    assert [line.now.exchanges for line in (await breakdown(office, by="department", period="7d")).lines] == [11]
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        for desk in movers:
            named = [office.tenant.tenant_id, desk.key.device]
            await connection.execute(
                "update person set department = 'Engineering' where (tenant_id, person_id) in"
                " (select tenant_id, person_id from account where tenant_id = %s and device_id = %s)",
                named,
            )
        await connection.execute("update department_period set since = since - 3 where department = 'Engineering'")
        # Nobody is, or was, without a department: that would be a crowd of one.
        await connection.execute("update department_period set department = 'Sales' where department is null")
        await connection.execute("update person set department = 'Sales' where department is null")
    for desk in [*movers, *stayers]:
        await desk.use(at=midday(1))
    found = await breakdown(office, by="department", period="7d")
    assert {line.name: line.now.exchanges for line in found.lines} == {"Sales": 16, "Engineering": 5}
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update department_period set since = since - 3 where department = 'Engineering'")
    found = await breakdown(office, by="department", period="7d")
    assert {line.name: line.now.exchanges for line in found.lines} == {"Sales": 11, "Engineering": 10}


async def in_department(office: Any, department: str) -> Any:
    person = await add_person(office.database, office.tenant.tenant_id, display_name="Someone", role=Role.EMPLOYEE)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update person set department = %s where person_id = %s", [department, person])
        # As if they had been there from the beginning.
        await connection.execute("delete from department_period where person_id = %s", [person])
        await connection.execute(
            "insert into department_period (tenant_id, person_id, since, department) values (%s, %s, '2020-01-01', %s)",
            [office.tenant.tenant_id, person, department],
        )
    return await office.desk(person, enrolled_days_ago=30)


async def test_a_running_month_has_a_forecast_and_a_past_one_has_none(office: Any) -> None:
    desk = await office.desk(enrolled_days_ago=60)
    for back in range(30, -1, -1):
        await office.reported(desk, back)
        await desk.use(at=midday(back))
    now = datetime(2026, 11, 18, 12, tzinfo=UTC)
    last_month = View.read({"from": "2026-10-01", "to": "2026-10-31"}, now.date())
    assert (await service.breakdown(office.database, office.tenant.tenant_id, last_month, now)).forecast is None
    found = await breakdown(office, period="month")
    ends = (TODAY + timedelta(days=1)).day == 1
    assert (found.forecast is None) == ends
    if found.forecast is not None:
        assert found.forecast.total.high > found.total.tokens.high


async def test_hours_that_are_all_withheld_are_no_empty_chart(office: Any, owner_api: httpx.AsyncClient) -> None:
    await (await office.desk(enrolled_days_ago=5)).use(at=midday(1))
    page = (await owner_api.get("/usage?period=7d&grain=hour")).text
    assert 'href="/usage?period=7d"' in page
    assert "they would say when" in page
    assert 'class="plot"' not in page
    assert 'class="plot"' in (await owner_api.get("/usage?period=7d")).text


async def test_the_page_and_its_file(office: Any, owner_api: httpx.AsyncClient) -> None:
    desk = await office.desk(enrolled_days_ago=5)
    await desk.use(times=3, at=midday(1))
    await desk.use(host="chatgpt.com", at=midday(1))
    page = text_of(await owner_api.get("/usage"))
    assert "Usage by provider" in page
    assert "Anthropic API" in page
    assert "unpriced" in page
    one = text_of(await owner_api.get("/usage?provider=anthropic&measure=bytes"))
    assert "Usage of Anthropic API" in one
    assert "Bytes a day by host" in one
    assert "ChatGPT" not in one
    kinds = text_of(await owner_api.get("/usage?by=kind&measure=cost&grain=week&period=30d"))
    assert "Cost a week by kind of tool" in kinds

    file = await owner_api.get("/usage.csv?period=7d")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    total = rows[-1]
    assert (total["name"], total["exchanges"], total["request_bytes"]) == ("", "4", "64000")
    assert int(total["tokens_low"]) < 4 * 4_800 < int(total["tokens_high"])
    assert {row["name"] for row in rows} == {"", "Anthropic API", "ChatGPT"}
    assert {row["estimator_version"] for row in rows} == {"e1"}
    trail = text_of(await owner_api.get("/audit"))
    assert "Figures exported" in trail


async def test_nothing_to_show_says_so(owner_api: httpx.AsyncClient) -> None:
    page = text_of(await owner_api.get("/usage"))
    assert "No use in this period" in page


@pytest.mark.parametrize("query", ["period=fortnight", "from=2026-13-01", "provider=%00", "kind=toys&by=kind"])
async def test_an_impossible_view_is_refused_in_words(owner_api: httpx.AsyncClient, query: str) -> None:
    for path in ("/usage", "/usage.csv"):
        answer = await owner_api.get(f"{path}?{query}")
        assert answer.status_code in (200, 400)
        assert answer.status_code == 200 or "There is no such view" in answer.text


async def test_employees_are_not_shown_it(office: Any, api: httpx.AsyncClient) -> None:
    employee = await add_person(office.database, office.tenant.tenant_id, display_name="Ada", role=Role.EMPLOYEE)
    await api.post(await create_sign_in_link(office.database, office.tenant, employee))
    assert (await api.get("/usage")).status_code == 403

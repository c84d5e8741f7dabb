"""What the Overview says of what devices reported, over the whole application and its database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.usage import service
from toktra.server.usage.overview import Overview, Standing
from toktra.server.usage.period import Period
from toktra.server.web.access import Role

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
NOW = NOON + timedelta(minutes=30)


async def overview(office: Any, period: Period = Period.SEVEN_DAYS, now: datetime = NOW) -> Overview:
    return await service.overview(
        office.database, office.tenant.tenant_id, office.owner, period, now, with_exchanges=True
    )


def text_of(page: httpx.Response) -> str:
    """A page without its tags, with ordinary spaces."""
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text.replace("\u00a0", " ")))


async def test_totals_are_those_of_the_events(office: Any) -> None:
    desk = await office.desk(office.owner, enrolled_days_ago=3)
    await desk.use(times=3, at=NOON)
    await desk.use(host="chatgpt.com", at=NOON - timedelta(days=1))
    await desk.use(times=2, at=NOON - timedelta(days=8))
    found = await overview(office)
    assert found.standing is Standing.FIGURES
    assert found.totals.exchanges == 4
    assert found.totals.unpriced_exchanges == 1
    assert found.totals.tokens.low < 4 * 4_800 < found.totals.tokens.high
    assert found.totals.cost is not None
    assert {provider.name: provider.exchanges for provider in found.providers} == {"Anthropic API": 3, "ChatGPT": 1}
    assert (found.people, found.people_known) == (1, 1)


async def test_bytes_that_continue_an_exchange_are_no_exchange(office: Any) -> None:
    desk = await office.desk(office.owner)
    await desk.use(at=NOON)
    await desk.use(at=NOON, request_bytes=0, estimated_input_tokens=0)
    found = await overview(office)
    assert found.totals.exchanges == 1
    assert found.last is not None
    assert len(found.last) == 1


async def test_a_day_without_report_is_silent_and_a_day_without_use_is_zero(office: Any) -> None:
    desk = await office.desk(office.owner, enrolled_days_ago=4)
    await desk.use(at=NOON)
    await office.reported(desk, 2)
    days = (await overview(office, now=datetime.now(UTC))).days
    assert [day.tokens is not None for day in days] == [False, False, False, False, True, False, True]
    assert days[4].tokens is not None
    assert days[4].tokens.middle == 0
    assert [day.coverage.enrolled for day in days] == [0, 0, 1, 1, 1, 1, 1]
    assert [day.coverage.is_low for day in days] == [False, False, True, True, False, True, False]


async def test_without_devices_before_there_is_nothing_to_compare_with(office: Any) -> None:
    await (await office.desk(office.owner, enrolled_days_ago=20)).use(at=NOON)
    found = await overview(office)
    assert (found.totals_before, found.people_before, found.is_comparable) == (None, None, False)


async def test_a_period_is_compared_with_the_one_before(office: Any) -> None:
    desk = await office.desk(office.owner, enrolled_days_ago=20)
    for days_ago in (9, 2):
        await office.reported(desk, days_ago)
    await desk.use(at=NOON)
    await desk.use(times=2, at=NOON - timedelta(days=9))
    found = await overview(office)
    assert found.totals_before is not None
    assert (found.totals_before.exchanges, found.people_before, found.is_comparable) == (2, 1, True)


@pytest.mark.parametrize(("reported", "words"), [(1, "Too few devices to compare"), (2, "Up from nothing on")])
async def test_periods_that_rest_on_other_numbers_of_devices_are_not_compared(
    office: Any, owner_api: httpx.AsyncClient, reported: int, words: str
) -> None:
    desks = [await office.desk(office.owner, enrolled_days_ago=20) for _ in range(2)]
    for desk in desks[:reported]:
        await office.reported(desk, 7)
    for desk in desks:
        await office.reported(desk, 1)
        await desk.use()
    assert words in text_of(await owner_api.get("/"))


async def test_a_day_that_is_over_is_counted_once(office: Any) -> None:
    """Nothing can report on it any more, so its count is kept. Today's is not told: all count as reporting."""
    desk = await office.desk(office.owner, enrolled_days_ago=5)
    await office.reported(desk, 3)
    now = datetime.now(UTC)
    assert [day.coverage.reported for day in (await overview(office, now=now)).days] == [0, 0, 0, 1, 0, 0, 1]
    await office.reported(desk, 2)
    await office.reported(desk, 1)
    days = (await overview(office, now=now)).days
    assert [day.coverage.reported for day in days] == [0, 0, 0, 1, 0, 1, 1]
    assert [day.coverage.is_over for day in days] == [True] * 6 + [False]


async def test_another_device_on_a_day_that_is_over_is_counted(office: Any) -> None:
    """As while the sample is filled: its devices come one after the other, each with its past."""
    for devices in (1, 2):
        await office.reported(await office.desk(office.owner, enrolled_days_ago=5), 3)
        days = (await overview(office, now=datetime.now(UTC))).days
        assert [day.coverage.reported for day in days[2:5]] == [0, devices, 0]


async def test_another_organisation_sees_nothing_of_it(office: Any, other_tenant: Any) -> None:
    desk = await office.desk(office.owner)
    await desk.use(at=NOON)
    found = await service.overview(
        office.database, other_tenant.tenant_id, office.owner, Period.SEVEN_DAYS, NOW, with_exchanges=True
    )
    assert (found.standing, found.totals.exchanges, found.newest, found.last) == (Standing.NO_DEVICE, 0, None, [])


class TestWhatSilenceGivesAway:
    async def test_my_own_exchanges_have_their_minute(self, office: Any) -> None:
        desk = await office.desk(office.owner)
        await desk.use(at=NOON + timedelta(minutes=7))
        found = await overview(office)
        assert found.last is not None
        (line,) = found.last
        assert (line.at, line.is_own) == (NOON + timedelta(minutes=7), True)
        assert found.newest is not None
        assert found.newest.at == NOON + timedelta(minutes=7)

    async def test_someone_elses_have_their_day(self, office: Any) -> None:
        for _ in range(4):
            await (await office.desk()).use(times=2, at=NOON + timedelta(minutes=7))
        found = await overview(office)
        assert found.last is not None
        (line,) = found.last
        assert (line.at, line.day, line.exchanges, line.is_own) == (None, NOON.date(), 8, False)
        assert found.newest is not None
        assert (found.newest.at, found.newest.day) == (None, NOON.date())

    async def test_among_five_people_nobody_is_pointed_at(self, office: Any) -> None:
        for minute in range(5):
            await (await office.desk()).use(at=NOON + timedelta(minutes=minute))
        found = await overview(office)
        assert found.last is not None
        assert [line.at for line in found.last] == [NOON + timedelta(minutes=minute) for minute in (4, 3, 2, 1, 0)]
        assert found.newest is not None
        assert found.newest.at == NOON + timedelta(minutes=4)

    async def test_the_only_user_of_a_provider_is_pointed_at_even_among_many(self, office: Any) -> None:
        for minute in range(5):
            await (await office.desk()).use(at=NOON + timedelta(minutes=minute))
        await (await office.desk()).use(host="api.mistral.ai", at=NOON + timedelta(minutes=9))
        found = await overview(office)
        assert found.last is not None
        assert [(line.provider, line.at) for line in found.last if line.at is None] == [("Mistral API", None)]
        assert found.last[-1].at is None, "after all minutes of its day, so that its place says nothing"
        assert found.newest is not None
        assert found.newest.at is None

    async def test_a_sum_does_not_hold_the_readers_own(self, office: Any) -> None:
        await (await office.desk(office.owner)).use(times=3, at=NOON)
        await (await office.desk()).use(times=2, at=NOON)
        found = await overview(office)
        assert found.last is not None
        assert [(line.is_own, line.exchanges) for line in found.last] == [(True, 1)] * 3 + [(False, 2)]

    async def test_the_page_names_no_device_and_no_person(self, office: Any, owner_api: httpx.AsyncClient) -> None:
        person = await add_person(
            office.database, office.tenant.tenant_id, display_name="Zoë Quist", role=Role.EMPLOYEE
        )
        desk = await office.desk(person)
        await desk.use()
        page = await owner_api.get("/")
        assert "1 exchange, fewer than five people" in text_of(page)
        for secret in ("Zoë", "someone", str(desk.key.device), "desk"):
            assert secret not in page.text


class TestThePage:
    async def test_it_says_every_figure_with_what_it_rests_on(self, office: Any, owner_api: httpx.AsyncClient) -> None:
        desk = await office.desk(office.owner, enrolled_days_ago=1)
        await office.reported(desk, 1)
        await office.desk(enrolled_days_ago=1)
        await desk.use(times=12)
        await desk.use(host="chatgpt.com", times=2)
        text = text_of(await owner_api.get("/"))
        assert "Newest record: under a minute ago" in text
        assert "1 of 2 devices reported yesterday" in text
        assert "plus 2 exchanges unpriced" in text
        assert "Exchanges = counted 14" in text
        assert re.search(r"Tokens .*?≈ estimated [\d.]+ – [\d.]+ k", text)
        assert re.search(r"Cost .*?≈ estimated \$ [\d.]+ – [\d.]+", text)
        assert "People with any use = counted 1 of 2" in text
        assert "Nothing before to compare with" in text
        assert "Devices that did not report 1 of 2 yesterday" in text

    async def test_without_any_price_the_cost_is_called_unpriced(
        self, office: Any, owner_api: httpx.AsyncClient
    ) -> None:
        await (await office.desk(office.owner)).use(host="chatgpt.com")
        text = text_of(await owner_api.get("/"))
        assert re.search(r"Cost ≈ estimated unpriced", text)
        assert "$ 0" not in text

    @pytest.mark.parametrize("period", Period)
    async def test_every_period_has_its_address(self, owner_api: httpx.AsyncClient, period: Period) -> None:
        page = await owner_api.get("/", params={"period": period})
        assert page.status_code == 200
        chosen = re.findall(r'<a href="([^"]*)" aria-current="true"', page.text)
        assert chosen == [f"/?period={period}"]

    @pytest.mark.parametrize("period", ["", "8d", "<script>alert(1)</script>", "x" * 5000, "7d\x00"])
    async def test_an_unknown_period_is_refused_by_name(self, owner_api: httpx.AsyncClient, period: str) -> None:
        page = await owner_api.get("/", params={"period": period})
        assert page.status_code == 400
        assert "no such period" in page.text
        assert "<script>alert" not in page.text
        assert len(page.text) < 10_000

    async def test_without_a_device_it_says_how_to_enrol_one(self, owner_api: httpx.AsyncClient) -> None:
        text = text_of(await owner_api.get("/"))
        assert "No device is enrolled yet" in text
        assert "toktra agent enrol" in text

    async def test_without_any_use_it_says_what_to_do(self, office: Any, owner_api: httpx.AsyncClient) -> None:
        await office.desk(office.owner)
        assert "No use so far" in text_of(await owner_api.get("/"))

    async def test_without_use_in_the_period_it_offers_a_longer_one(
        self, office: Any, owner_api: httpx.AsyncClient
    ) -> None:
        await (await office.desk(office.owner)).use(at=datetime.now(UTC) - timedelta(days=10))
        text = text_of(await owner_api.get("/"))
        assert "No use in this period" in text
        assert "Show the last 30 days" in text

    async def test_finance_sees_no_single_exchange(self, office: Any, api: httpx.AsyncClient) -> None:
        await (await office.desk(office.owner)).use()
        person = await add_person(office.database, office.tenant.tenant_id, display_name="Fin", role=Role.FINANCE)
        await api.post(await create_sign_in_link(office.database, office.tenant, person))
        text = text_of(await api.get("/"))
        assert "Exchanges = counted 1" in text
        assert "Last exchanges" not in text

    async def test_figures_of_the_sample_say_so(self, api: httpx.AsyncClient, urls: Any, database: Any) -> None:
        from toktra.server.tenants.service import found

        founded = found(urls.owner, slug="sample", name="Sample", owner_name="You")
        await api.post(await create_sign_in_link(database, founded.tenant, founded.owner_id))
        assert "Sample data" in text_of(await api.get("/"))


class TestAnOpenPage:
    async def test_it_is_sent_figures_only_when_they_changed(self, office: Any, owner_api: httpx.AsyncClient) -> None:
        desk = await office.desk(office.owner)
        await desk.use()
        while True:  # ends at the latest when a minute has just begun
            page = await owner_api.get("/")
            (address,) = re.findall(r'hx-get="([^"]+)"', page.text)
            address = address.replace("&amp;", "&")
            same = await owner_api.get(address)
            if same.status_code == 204:
                break
        assert same.text == ""
        await desk.use()
        fresh = await owner_api.get(address)
        assert fresh.status_code == 200
        assert "<html" not in fresh.text
        assert "Exchanges" in fresh.text

    async def test_a_version_is_of_one_reader_period_and_minute(self, office: Any) -> None:
        await (await office.desk(office.owner)).use(at=NOON)
        other = await add_person(office.database, office.tenant.tenant_id, display_name="B", role=Role.AUDITOR)

        async def version(reader: Any, period: Period, now: datetime) -> str:
            return await service.current_version(office.database, office.tenant.tenant_id, reader, period, now)

        first = await version(office.owner, Period.SEVEN_DAYS, NOW)
        assert first == await version(office.owner, Period.SEVEN_DAYS, NOW + timedelta(seconds=59))
        assert first != await version(office.owner, Period.SEVEN_DAYS, NOW + timedelta(seconds=60))
        assert first != await version(office.owner, Period.THIS_MONTH, NOW)
        assert first != await version(other, Period.SEVEN_DAYS, NOW)


async def test_without_the_database_it_says_that_nothing_is_lost(owner_api: httpx.AsyncClient, urls: Any) -> None:
    import psycopg
    from psycopg import sql

    name = urls.app.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(urls.of("postgres").superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(name)))
        try:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            page = await owner_api.get("/")
        finally:
            connection.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(name)))
    assert page.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "Nothing is lost: devices keep their records" in page.text

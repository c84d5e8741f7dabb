"""What administrators may know: yes or no, by days that are over; a count of five people or more; nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.server.privacy_hours.conftest import Office
from tests.server.privacy_hours.test_weeks import words

from toktra.server.privacy_hours import in_use
from toktra.server.privacy_hours.in_use import Fleet
from toktra.server.web.access import Role


def today() -> date:
    return datetime.now(UTC).date()


async def test_yes_is_shown_when_the_day_is_over_and_never_taken_back(office: Office) -> None:
    desk, never = await office.desk(), await office.desk()
    ids, tenant_id = [desk.key.device, never.key.device], office.tenant.tenant_id
    await desk.asks(in_use=False)
    assert await in_use.on_devices(office.database, tenant_id, ids, today()) == {desk.key.device: False}
    await desk.asks(in_use=True)
    assert await in_use.on_devices(office.database, tenant_id, ids, today()) == {desk.key.device: False}
    await desk.asks(in_use=False)
    tomorrow = today() + timedelta(days=1)
    assert await in_use.on_devices(office.database, tenant_id, ids, tomorrow) == {desk.key.device: True}


async def test_asking_again_writes_nothing_that_could_be_watched(office: Office) -> None:
    desk = await office.desk()
    await desk.asks(in_use=True)
    before = await rows(office)
    for _ in range(3):
        await desk.asks(in_use=True)
    assert await rows(office) == before


async def rows(office: Office) -> list[object]:
    """With PostgreSQL's own columns, which tell when a row was written last."""
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        cursor = await connection.execute("select xmin::text, ctid::text, p.* from device_privacy p")
        return [tuple(row) for row in await cursor.fetchall()]


async def test_a_count_is_of_five_people_or_more(office: Office) -> None:
    tomorrow = today() + timedelta(days=1)
    for number in range(5):
        assert await in_use.in_fleet(office.database, office.tenant.tenant_id, tomorrow) == Fleet(None)
        desk = await office.desk(someone=await office.person(f"Person {number}"))
        await desk.asks(in_use=True)
    assert await in_use.in_fleet(office.database, office.tenant.tenant_id, tomorrow) == Fleet(5)
    assert await in_use.in_fleet(office.database, office.tenant.tenant_id, today()) == Fleet(None)


async def test_the_list_of_devices_says_yes_and_cannot_be_ordered_filtered_or_downloaded_by_it(office: Office) -> None:
    alex = await office.browser(await office.person("Alex", Role.ADMINISTRATOR))
    desk, _never_asked = await office.desk(), await office.desk()
    await desk.asks(in_use=True)
    assert "Enrolled Last report Privacy Hours in use" in (page := words(await alex.get("/devices")))
    assert (page.count("not over No"), page.count("not over –"), page.count("not over Yes")) == (1, 1, 0)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update device_privacy set in_use_on = in_use_on - 1")
    page = words(await alex.get("/devices"))
    assert (page.count("not over Yes"), page.count("from five people on")) == (1, 1)
    assert "Privacy" not in (await alex.get("/devices.csv")).text
    for asked in ("sort=privacy", "sort=in_use", "privacy=yes"):
        answer = await alex.get(f"/devices?{asked}")
        assert answer.status_code == 400 or words(answer) == page

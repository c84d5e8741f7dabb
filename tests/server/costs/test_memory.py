"""What is remembered is what would be worked out again, from the same rows and assumptions, and not for ever."""

from __future__ import annotations

import time
from datetime import date, timedelta
from uuid import UUID

import pytest
from tests.server.conftest import Tenant
from tests.server.costs.conftest import House
from tests.server.costs.test_projection import CATALOGUE, OPENAI_HOST, PRICES, assumed, use

from toktra.server.costs.assumptions import Contract, Kind
from toktra.server.costs.entering import Entered
from toktra.server.costs.memory import KEPT_S, MOST_KEPT, Memory, Shelf
from toktra.server.costs.projection import Pricing, project, project_together
from toktra.server.costs.rates import Rates
from toktra.server.costs.service import assume, shared_pricing
from toktra.server.database.pool import Database


def test_figures_are_those_without_a_memory_the_first_time_and_later() -> None:
    rates = Rates(assumed(), CATALOGUE, PRICES)
    with_memory, without = Pricing(rates, "USD", memory=Memory()), Pricing(rates, "USD")
    for times in (1, 2, 1):
        rows = [use(times=times), use(day=date(2026, 11, 19))]
        assert project(rows, with_memory) == project(rows, without)
        assert project_together(rows, with_memory) == project_together(rows, without)
        assert project_together(rows, with_memory) is project_together(iter(rows), with_memory)


def test_no_more_rows_are_kept_than_there_is_room_for() -> None:
    memory = Memory(most_rows=3)
    worked: list[tuple[int, ...]] = []

    def recall(*rows: int) -> int:
        def work() -> int:
            worked.append(rows)
            return sum(rows)

        return memory.recall("sum", rows, work)

    assert [recall(1, 2), recall(1, 2), recall(3), recall(4), recall(1, 2)] == [3, 3, 3, 4, 3]
    assert worked == [(1, 2), (3,), (4,), (1, 2)]
    assert [recall(1, 2, 3, 4), recall(1, 2, 3, 4)] == [10, 10]
    assert worked[4:] == [(1, 2, 3, 4)] * 2


def test_a_shelf_keeps_a_few_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    shelf: Shelf[object] = Shelf()
    first = shelf.take("first", object)
    now[0] = KEPT_S
    assert shelf.take("first", object) is first
    now[0] = KEPT_S + 1
    second = shelf.take("first", object)
    assert second is not first
    now[0] = 3 * KEPT_S
    shelf.take("another", object)
    assert list(shelf) == ["another"]
    second = shelf.take("first", object)
    for other in range(MOST_KEPT):
        shelf.take(other, object)
    assert shelf.take("first", object) is not second


async def test_another_assumption_or_organisation_is_another_pricing(
    database: Database, house: House, other_tenant: Tenant
) -> None:
    own, other = house.tenant.tenant_id, other_tenant.tenant_id
    today = date(2026, 11, 20)

    async def pricing(tenant_id: UUID) -> Pricing:
        async with database.tenant(tenant_id) as connection:
            return await shared_pricing(connection, tenant_id, today - timedelta(days=30), today)

    before = await pricing(own)
    assert await pricing(own) is before
    assert await pricing(other) is not before
    contract = Contract(input_per_million=1.0, output_per_million=2.0, currency="USD")
    await assume(database, own, house.owner, Entered(Kind.CONTRACT, "openai", today, contract))
    after = await pricing(own)
    assert after is not before
    costs = [project_together([use(OPENAI_HOST, today)], one).cost for one in (before, after)]
    assert costs[0] != costs[1]

"""Uploads that arrive together share a transaction, and nothing else: each has its own answer."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from tests.personal.conftest import NOW, Owner, an_upload, open_mailbox
from tests.personal.test_mailboxes import records_of

from toktra.personal.arrivals import MOST_AT_ONCE, Arrival, Arrivals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx
    from tests.personal.conftest import Urls

TODAY = NOW.date()


def an_arrival(mailbox: bytes = b"m") -> Arrival:
    return Arrival(mailbox, uuid4(), b"sealed")


async def test_each_of_many_at_once_gets_its_own_answer(api: httpx.AsyncClient, urls: Urls) -> None:
    owners = [open_mailbox(urls, Owner(api)) for _ in range(10)]
    stranger, same = Owner(api), an_upload(TODAY)
    answers = await asyncio.gather(
        *(owner.upload(TODAY) for owner in owners),
        stranger.upload(TODAY),
        owners[0].upload(TODAY, body=same),
        owners[0].upload(TODAY, body=same),
        owners[1].upload(TODAY - timedelta(days=3)),
        owners[1].upload(TODAY + timedelta(days=1)),
    )
    assert [answer.status_code for answer in answers] == [200] * 10 + [404, 200, 200, 200, 409]
    assert [len(await records_of(owner)) for owner in owners] == [2, 2] + [1] * 8
    with psycopg.connect(urls.owner) as connection:
        [(transactions,)] = connection.execute(
            "select count(distinct xmin::text) from record where day = %s and mailbox = any(%s)",
            [TODAY, [owner.digest for owner in owners]],
        )
    assert transactions < 11, "those that came while the first was stored were stored together"


async def test_what_waits_goes_on_together_and_a_day_waits_for_no_other() -> None:
    stored: list[tuple[date, int]] = []
    may_go_on = asyncio.Event()

    async def store(day: date, some: Sequence[Arrival]) -> list[bool]:
        stored.append((day, len(some)))
        if day == TODAY:
            await may_go_on.wait()
        return [one.mailbox == b"m" for one in some]

    arrivals, other_day = Arrivals(store), TODAY - timedelta(days=1)
    first = asyncio.create_task(arrivals.put(TODAY, an_arrival()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(arrivals.put(TODAY, an_arrival())) for _ in range(MOST_AT_ONCE + 1)]
    assert not await arrivals.put(other_day, an_arrival(b"unknown"))
    rest[0].cancel()
    may_go_on.set()
    assert await first
    assert await asyncio.gather(*rest[1:]) == [True] * MOST_AT_ONCE
    assert stored == [(TODAY, 1), (other_day, 1), (TODAY, MOST_AT_ONCE), (TODAY, 1)]
    assert arrivals._waiting == {}


async def test_a_fault_is_told_to_all_it_struck_and_is_over_then() -> None:
    faults = [psycopg.errors.DiskFull("full")]

    async def store(day: date, some: Sequence[Arrival]) -> list[bool]:
        del day
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()
        return [True] * len(some)

    arrivals = Arrivals(store)
    with pytest.raises(psycopg.errors.DiskFull):
        await arrivals.put(TODAY, an_arrival())
    assert await arrivals.put(TODAY, an_arrival())

"""Many devices at once, meeting in the same sums."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import psycopg

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice, Urls

HOSTS = ["api.openai.com", "claude.ai", "api.anthropic.com", "chatgpt.com", "api.mistral.ai"]
DEVICES, BATCHES, EVENTS = 8, 12, 40


async def test_eight_devices_in_the_same_sums_never_deadlock(
    urls: Urls, enrol: Callable[[], Awaitable[SignedDevice]]
) -> None:
    devices = [await enrol() for _ in range(DEVICES)]
    with psycopg.connect(urls.superuser) as connection:  # one person behind all: the same rows by day as well
        person = connection.execute(
            "insert into person (tenant_id, display_name) select tenant_id, 'Ada' from tenant returning person_id"
        ).fetchone()
        assert person is not None
        connection.execute("insert into account select tenant_id, device_id, 'ada', %s from device", [person[0]])

    async def report(device: SignedDevice, chance: random.Random) -> None:
        for number in range(BATCHES):
            first = number * EVENTS + 1
            events = []
            for sequence in range(first, first + EVENTS):
                event = device.event(sequence, provider_host=chance.choice(HOSTS))
                events.append(msgspec.structs.replace(event, at=event.at - timedelta(hours=chance.randrange(50))))
            answer = await device.send(msgspec.structs.replace(device.batch(first, 0), events=events))
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(report(device, random.Random(place)) for place, device in enumerate(devices)))

    with psycopg.connect(urls.superuser) as connection:
        deadlocks = connection.execute(
            "select deadlocks from pg_stat_database where datname = current_database()"
        ).fetchone()
        assert deadlocks == (0,)
        total = DEVICES * BATCHES * EVENTS
        for statement in (
            "select count(*) from usage_event",
            "select sum(exchanges)::int from usage_daily",
            "select sum(exchanges)::int from usage_hourly",
        ):
            assert connection.execute(statement).fetchone() == (total,)
        assert connection.execute("select count(distinct person_id) from usage_daily").fetchone() == (1,)

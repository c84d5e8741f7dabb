"""The batch contract under everything that goes wrong on the way: nothing lost, nothing doubled, sums always right."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from toktra.catalogue import load_catalogue
from toktra.server.database.pool import Database
from toktra.server.ingest.service import Ingest
from toktra.wire.columns import in_columns
from toktra.wire.events import Batch, BatchAccepted, OutOfSequence, UsageEvent
from toktra.wire.signatures import KeyId

if TYPE_CHECKING:
    from tests.server.conftest import Urls

HOSTS = ("api.openai.com", "claude.ai", "api.anthropic.com")
NOW = datetime.now(UTC).replace(microsecond=0)

SUMS_FROM_EVENTS = """
    select {what}, provider_host, estimator_version, count(*) filter (where estimated_input_tokens > 0),
        sum(request_bytes), sum(response_bytes), sum(estimated_input_tokens), sum(estimated_output_tokens)
    from usage_event where tenant_id = %s group by {by} order by {by}
"""


def assert_sums_are_those_of_the_events(connection: psycopg.Connection[Any], tenant_id: UUID) -> None:
    """Both rollups against a recomputation from the events."""
    day = "(at at time zone 'UTC')::date, person_id"
    daily = "select day, person_id, provider_host, estimator_version, exchanges, request_bytes, response_bytes, "
    daily += "input_tokens, output_tokens from usage_daily where tenant_id = %s order by 1, 2, 3, 4"
    hour = "date_bin('1 hour', at, '2000-01-01 00:00+00')"
    hourly = "select hour, provider_host, estimator_version, exchanges, request_bytes, response_bytes, "
    hourly += "input_tokens, output_tokens from usage_hourly where tenant_id = %s order by 1, 2, 3"
    for stored, recomputed in (
        (daily, SUMS_FROM_EVENTS.format(what=day, by="1, 2, 3, 4")),
        (hourly, SUMS_FROM_EVENTS.format(what=hour, by="1, 2, 3")),
    ):
        was = connection.execute(stored, [tenant_id]).fetchall()
        should_be = connection.execute(recomputed, [tenant_id]).fetchall()
        assert was == should_be


event_facts = st.fixed_dictionaries(
    {
        "provider_host": st.sampled_from(HOSTS),
        "user": st.sampled_from(("ada", "bob")),
        "request_bytes": st.integers(0, 3),
        "response_bytes": st.integers(0, 1 << 40),
        "estimated_input_tokens": st.integers(0, 1000),
        "estimated_output_tokens": st.integers(0, 1000),
        "at": st.integers(0, 3 * 86_400).map(lambda s: NOW - timedelta(seconds=s)),
    }
)


class OneDevice(RuleBasedStateMachine):
    """A device with a queue, a server, and a network between them that loses, repeats and delays."""

    watching: psycopg.Connection[Any]
    """Sees everything, beside the server."""
    loop: asyncio.AbstractEventLoop
    ingest: Ingest

    @initialize()
    def enrol(self) -> None:
        self.key = KeyId(uuid4(), uuid4())
        with self.watching.transaction():
            self.watching.execute(
                "insert into tenant (tenant_id, slug, name) values (%s, %s, 'T')",
                [self.key.tenant, self.key.tenant.hex[:20]],
            )
            self.watching.execute(
                "insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version) "
                "values (%s, %s, decode(repeat('00', 32), 'hex'), 'desk', 'linux', '1')",
                [self.key.tenant, self.key.device],
            )
        self.epoch = 1
        self.queue: list[UsageEvent] = []
        """Everything recorded in this epoch, delivered or not."""
        self.acknowledged = 0
        self.ever_acknowledged: dict[tuple[int, int], UsageEvent] = {}
        self.on_the_way: list[Batch] = []
        """Batches that a network may still deliver, however late."""

    @rule(facts=st.lists(event_facts, min_size=1, max_size=6))
    def record(self, facts: list[dict[str, Any]]) -> None:
        for fact in facts:
            self.queue.append(UsageEvent(sequence=len(self.queue) + 1, device=str(self.key.device), **fact))

    @precondition(lambda self: len(self.queue) > self.acknowledged)
    @rule(size=st.integers(1, 5), fate=st.sampled_from(("arrives", "answer lost", "delayed", "server dies")))
    def send(self, size: int, fate: str) -> None:
        batch = self.batch(self.acknowledged, size)
        if fate == "delayed":
            self.on_the_way.append(batch)
        elif fate == "server dies":
            self.deliver_to_a_dying_server(batch)
        else:
            answer = self.deliver(batch)
            if fate == "arrives":
                self.obey(answer)

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data())
    def a_late_batch_arrives(self, data: st.DataObject) -> None:
        self.deliver(data.draw(st.sampled_from(self.on_the_way)))

    @precondition(lambda self: self.queue)
    @rule(off=st.integers(-4, 2), size=st.integers(0, 6))
    def send_from_beside_the_mark(self, off: int, size: int) -> None:
        """A device that forgot what was acknowledged last, or got ahead of itself: batches that overlap or gape."""
        after = min(max(self.acknowledged + off, 0), len(self.queue))
        self.obey(self.deliver(self.batch(after, size)))

    @rule(skipped=st.integers(1, 2))
    def lose_the_queue(self, skipped: int) -> None:
        """What was not delivered is gone with the device's disk; what was acknowledged must not be."""
        self.epoch += skipped
        self.queue = []
        self.acknowledged = 0

    @invariant()
    def nothing_lost_nothing_doubled_sums_right(self) -> None:
        if not hasattr(self, "key"):
            return
        with self.watching.transaction():
            stored = self.watching.execute(
                "select epoch, sequence, provider_host, response_bytes, at from usage_event where tenant_id = %s",
                [self.key.tenant],
            ).fetchall()
            places = [(row[0], row[1]) for row in stored]
            assert len(places) == len(set(places))
            facts = {(row[0], row[1]): tuple(row[2:]) for row in stored}
            for place, event in self.ever_acknowledged.items():
                assert facts[place] == (event.provider_host, event.response_bytes, event.at)
            assert_sums_are_those_of_the_events(self.watching, self.key.tenant)

    def batch(self, after: int, size: int) -> Batch:
        return Batch(
            epoch=self.epoch,
            prev_seq=after,
            agent_version="1",
            estimator_version="1",
            events=self.queue[after : after + size],
        )

    def deliver(self, batch: Batch) -> BatchAccepted | OutOfSequence:
        return self.loop.run_until_complete(self.ingest.take_in(self.key, in_columns(batch)))

    def deliver_to_a_dying_server(self, batch: Batch) -> None:
        """All the work is done and then undone, as by a kill before the commit."""

        async def take_in_and_die() -> None:
            received = in_columns(batch)
            columns = self.ingest.check(self.key, received)
            await self.ingest.months.ensure(columns.months)
            database = self.ingest.database
            async with database.global_tables() as connection, connection.transaction(force_rollback=True):
                await self.ingest.store(connection, self.key, received, columns)

        self.loop.run_until_complete(take_in_and_die())

    def obey(self, answer: BatchAccepted | OutOfSequence) -> None:
        if answer.epoch != self.epoch:
            assert answer.epoch < self.epoch  # ours is the newest there ever was
            return
        assert answer.last_seq <= len(self.queue)
        for event in self.queue[: answer.last_seq]:
            self.ever_acknowledged[(self.epoch, event.sequence)] = event
        self.acknowledged = answer.last_seq


def test_whatever_happens_nothing_is_lost_or_doubled(urls: Urls) -> None:
    loop = asyncio.new_event_loop()
    database = Database(urls.app, connections=2)
    loop.run_until_complete(database.open())
    watching = psycopg.connect(urls.superuser, autocommit=True)
    try:
        ingest = Ingest(database, load_catalogue(), 400)
        machine = type("Machine", (OneDevice,), {"watching": watching, "loop": loop, "ingest": ingest})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        watching.close()
        loop.run_until_complete(database.close())
        loop.close()

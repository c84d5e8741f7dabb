"""The gate with personal mode: what goes which way, and that nothing of the personal is left anywhere in clear."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.agent.perks.account import THURSDAY
from tests.agent.privacy_hours.machine import Agent, Machine, numbers

from toktra.agent.control_messages import PauseFor, PauseUntil, Resume
from toktra.agent.perks.account_file import Membership
from toktra.agent.perks.age import unseal
from toktra.agent.perks.keys import Key, new_key
from toktra.wire.personal import UPLOAD_EVERY_S, PersonalRecord, PersonalUse, read_plain

ALICE, BOB = 1000, 1001


class Owner:
    """An agent, and Alice, who has a key on it."""

    def __init__(self, state: Path) -> None:
        self.machine = Machine()
        self.agent = Agent(self.machine, state)
        self.key: Key = new_key("https://personal.example.org")
        self.agent.members.join(
            ALICE,
            Membership(
                recipient=self.key.recipient,
                mailbox=self.key.mailbox,
                service=self.key.service,
                upload_second=0,
                opening_at=THURSDAY + timedelta(days=4),
            ),
        )

    def waits(self) -> list[PersonalRecord]:
        """What waits, opened with her key."""
        member = self.agent.members.of(ALICE)
        assert member is not None
        with member.waiting._change() as run:
            rows = run.execute("select sealed from sealed order by place").fetchall()
        return [read_plain(unseal(sealed, self.key.identity)) for (sealed,) in rows]

    def reads(self) -> list[PersonalUse]:
        return [use for record in self.waits() for use in record.uses]

    def sendings(self) -> list[int]:
        return [number for use in self.reads() for number in numbers(use.request_bytes)]

    def use(self, uid: int | None) -> int:
        sending = self.machine.send(uid)
        self.machine.monotonic += 0.5
        self.machine.finish(uid)
        return sending


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    made = Owner(tmp_path)
    yield made
    made.agent.end()


def switch(owner: Owner, request: PauseUntil | PauseFor | Resume) -> None:
    owner.machine.monotonic += 1
    owner.agent.modes.act(ALICE, request)
    owner.machine.monotonic += 1


def test_each_exchange_is_in_one_ledger_the_one_of_its_start(owner: Owner, tmp_path: Path) -> None:
    owner.machine.monotonic += 1
    work = [owner.use(ALICE)]
    spanning = owner.machine.send(ALICE)  # begins at work, and ends in personal mode
    switch(owner, PauseUntil())
    bobs = owner.use(BOB)
    owner.machine.send(ALICE)
    owner.machine.monotonic += 1
    owner.machine.finish(ALICE)
    recorded = owner.agent.look()
    mine = [owner.use(ALICE), owner.use(ALICE)]
    recorded += owner.agent.look()
    late = owner.machine.send(ALICE)  # the other way round
    switch(owner, Resume())
    owner.machine.send(ALICE)
    owner.machine.finish(ALICE)
    work.append(owner.use(ALICE))
    recorded += owner.agent.look()

    assert sorted(recorded) == sorted([*work, spanning, spanning + 2, bobs])
    assert owner.sendings() == [*mine, late, late + 1]
    assert {event.user for event in owner.agent.events} == {"user1000", "user1001"}
    assert owner.reads()[0].provider_host == "api.openai.com"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"openai" not in path.read_bytes(), path


def test_the_directory_is_closed_to_others_and_no_line_of_the_log_tells(
    owner: Owner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    switch(owner, PauseUntil())
    owner.use(ALICE)
    owner.agent.look()
    assert len(owner.reads()) == 1
    assert caplog.text == ""
    assert (tmp_path / "perks").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "perks").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_privacy_hours_win(owner: Owner) -> None:
    switch(owner, PauseUntil())
    owner.agent.ask(ALICE, PauseUntil())
    owner.machine.monotonic += 1
    owner.use(ALICE)
    assert owner.agent.look() == []
    assert owner.sendings() == []
    owner.agent.ask(ALICE, Resume())
    owner.machine.monotonic += 1
    mine = owner.use(ALICE)
    assert owner.agent.look() == []
    assert owner.sendings() == [mine]


def test_an_exchange_whose_account_is_not_known_goes_nowhere_while_somebody_is_personal(owner: Owner) -> None:
    owner.machine.monotonic += 1
    before = owner.use(None)
    switch(owner, PauseUntil())
    owner.use(None)
    switch(owner, Resume())
    after = owner.use(None)
    assert owner.agent.look() == [before, after]
    assert owner.sendings() == []


def test_without_a_key_nothing_is_sealed_and_nothing_goes_to_the_organisation(owner: Owner) -> None:
    switch(owner, PauseUntil())
    owner.agent.members.remove(ALICE)
    owner.use(ALICE)
    assert owner.agent.look() == []
    assert owner.agent.ledger.unsealed == {ALICE: 1}


def test_on_a_full_disk_records_are_held_sealed_and_written_later(owner: Owner) -> None:
    switch(owner, PauseFor(minutes=60))
    member = owner.agent.members.of(ALICE)
    assert member is not None
    member.waiting.counts()  # opens the file
    member.waiting._connection.execute("pragma max_page_count = 1")  # type: ignore[union-attr]
    held = [owner.use(ALICE) for _ in range(12)]
    assert owner.agent.look() == []
    assert owner.sendings() == []
    [said] = member.troubles.values()
    assert "held in memory, sealed as well" in said
    owner.machine.monotonic += UPLOAD_EVERY_S  # its hour is over: nothing of it stays in memory in clear
    assert owner.agent.look() == []
    assert owner.agent.ledger._open == {}
    assert all(one.startswith(b"age-encryption.org/v1") for one in owner.agent.ledger._held[ALICE])

    member.waiting._connection.execute("pragma max_page_count = 100000")  # type: ignore[union-attr]
    owner.agent.ledger.close()
    assert owner.sendings() == held
    assert member.troubles == {}


def test_the_uses_of_an_hour_are_one_record_until_it_leaves(owner: Owner) -> None:
    switch(owner, PauseUntil())
    mine = []
    for _ in range(3):
        mine.append(owner.use(ALICE))
        owner.agent.look()
    [record] = owner.waits()
    assert len(record.uses) == 3
    member = owner.agent.members.of(ALICE)
    assert member is not None
    member.waiting.pack(1, lambda sealed: sealed or b"")
    mine.append(owner.use(ALICE))
    owner.agent.look()
    assert [len(one.uses) for one in owner.waits()] == [3, 1]
    member.waiting.delivered()
    assert owner.sendings() == mine[3:]
    owner.machine.monotonic += UPLOAD_EVERY_S
    owner.agent.look()
    assert owner.agent.ledger._open == {}, "in clear for an hour at most"
    mine.append(owner.use(ALICE))
    owner.agent.look()
    assert [len(one.uses) for one in owner.waits()] == [1, 1]
    assert owner.sendings() == mine[3:]

"""A record while it is open: whole on the disk after every use, full when it is full, and another once it has left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.agent.perks.account import THURSDAY

from toktra.agent.perks.age import Sealer, unseal
from toktra.agent.perks.keys import new_key
from toktra.agent.perks.open_record import OpenRecord
from toktra.agent.perks.waiting import NotWritable, Waiting
from toktra.wire.personal import UPLOAD_EVERY_S, PersonalRecord, PersonalUse, fits, plain, read_plain

KEY = new_key("https://personal.example.org")
SEALER = Sealer(KEY.recipient)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    with closing(Waiting(tmp_path / "1000.sqlite")) as opened:
        yield opened


def use(number: int) -> PersonalUse:
    return PersonalUse(
        at=THURSDAY + timedelta(seconds=number),
        provider_host="api.anthropic.com",
        request_bytes=1_000 + number,
        response_bytes=30_000,
        estimated_input_tokens=300,
        estimated_output_tokens=900,
        estimator_version="1",
    )


def on_disk(waiting: Waiting) -> list[list[PersonalUse]]:
    with waiting._change() as run:
        rows = run.execute("select sealed from sealed order by place").fetchall()
    return [list(read_plain(unseal(sealed, KEY.identity)).uses) for (sealed,) in rows]


def test_after_every_use_the_whole_of_it_is_on_the_disk_until_it_is_full(waiting: Waiting) -> None:
    record, uses = OpenRecord(use(0), 0.0), [use(0)]
    assert not record.is_written
    for number in range(1, 1000):
        record.write(waiting, SEALER)
        assert record.is_written
        if not record.add(use(number)):
            break
        uses.append(use(number))
    assert on_disk(waiting) == [uses]
    assert 100 <= len(uses) <= 140, "an hour of busy use"
    assert fits(uses)
    assert not fits([*uses, use(0)])
    with pytest.raises(ValueError, match="uses: a record may have 8192 bytes"):
        plain(PersonalRecord(uses=(*uses, use(0))))


def test_once_it_has_left_only_what_is_new_goes_into_another(waiting: Waiting) -> None:
    record = OpenRecord(use(0), 0.0)
    record.write(waiting, SEALER)
    waiting.pack(7, lambda sealed: sealed or b"")
    record.add(use(1))
    record.write(waiting, SEALER)
    assert on_disk(waiting) == [[use(0)], [use(1)]]
    waiting.delivered()
    record.add(use(2))
    record.write(waiting, SEALER)
    assert on_disk(waiting) == [[use(1), use(2)]]


def test_a_disk_that_fails_changes_nothing_and_its_hour_ends(waiting: Waiting, tmp_path: Path) -> None:
    record = OpenRecord(use(0), 50.0)
    record.write(waiting, SEALER)
    record.add(use(1))
    with pytest.raises(NotWritable), closing(Waiting(tmp_path / "none" / "1000.sqlite")) as away:
        record.write(away, SEALER)
    assert record.unwritten().uses == (use(1),)
    record.write(waiting, SEALER)
    assert on_disk(waiting) == [[use(0), use(1)]]
    assert not record.is_over(49.0 + UPLOAD_EVERY_S)
    assert record.is_over(50.0 + UPLOAD_EVERY_S)

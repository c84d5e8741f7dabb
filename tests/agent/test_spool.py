"""What is promised about the queue on disk: closed, bounded, durable, and never reusing a number."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from toktra.agent.epochs import EpochCounter
from toktra.agent.spool import KEPT_REFUSALS, KEPT_SENT_DAYS, UNNUMBERED, Limits, Spool, SpoolNotWritable
from toktra.agent.spool_file import SpoolDamaged, SpoolNotOpened, SpoolOfNewerVersion
from toktra.wire.events import UsageEvent

DEVICE = "0198c7a0-0000-7000-8000-000000000001"


def event(mark: int) -> UsageEvent:
    """An event that can be told from others by its response bytes."""
    return UsageEvent(
        sequence=UNNUMBERED,
        provider_host="api.openai.com",
        request_bytes=2_000,
        response_bytes=mark,
        estimated_input_tokens=300,
        estimated_output_tokens=40,
        at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        device=DEVICE,
        user="alice",
    )


def events(first: int, last: int) -> list[UsageEvent]:
    return [event(mark) for mark in range(first, last + 1)]


def open_spool(directory: Path, limits: Limits | None = None) -> Spool:
    return Spool(directory / "spool.sqlite", EpochCounter(directory / "epoch"), limits)


def waiting(spool: Spool) -> list[int]:
    return [one.response_bytes for one in spool.next_batch(100_000).events]


def sent(spool: Spool) -> list[int]:
    rows = spool._connection.execute("select event from sent order by place").fetchall()
    return [msgspec.json.decode(row, type=UsageEvent).response_bytes for (row,) in rows]


def test_events_come_out_in_order_under_consecutive_numbers(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(101, 103))
    spool.append(events(104, 104))

    batch = spool.next_batch(3)

    assert (batch.epoch, batch.prev_seq) == (1, 0)
    assert [(one.sequence, one.response_bytes) for one in batch.events] == [(1, 101), (2, 102), (3, 103)]
    spool.acknowledge(2)
    batch = spool.next_batch(500)
    assert batch.prev_seq == 2
    assert [(one.sequence, one.response_bytes) for one in batch.events] == [(3, 103), (4, 104)]


def test_the_file_has_no_place_for_anything_but_usage_events(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 3))
    spool.next_batch()
    spool.refuse(1, "events[0].provider_host: not in the catalogue")
    spool.close()

    with sqlite3.connect(tmp_path / "spool.sqlite") as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_schema")]
        columns = {table: [row[1] for row in connection.execute(f"pragma table_info({table})")] for table in tables}
        rows = [row for (row,) in connection.execute("select event from event union all select event from refused")]
    connection.close()

    assert columns == {
        "event": ["place", "event"],
        "refused": ["event", "reason"],
        "counter": ["name", "value"],
        "sent": ["place", "sent_at", "event"],
    }
    facts = {field.encode_name for field in msgspec.structs.fields(UsageEvent)}
    assert [set(msgspec.json.decode(row)) for row in rows] == [facts] * 3


def test_an_event_with_another_field_is_not_read_back(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 1))
    spool.close()
    with sqlite3.connect(tmp_path / "spool.sqlite") as connection:
        connection.execute("update event set event = cast(json_set(cast(event as text), '$.prompt', 'hello') as blob)")
    connection.close()

    assert waiting(open_spool(tmp_path)) == []


def test_everything_is_found_again_after_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 10))
    spool.next_batch(6)
    spool.acknowledge(4)
    before = spool.counts()
    spool.close()

    spool = open_spool(tmp_path)

    assert spool.counts() == before
    assert waiting(spool) == [5, 6, 7, 8, 9, 10]


def test_a_full_spool_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, Limits(events=5))
    spool.append(events(1, 4))
    spool.append(events(5, 8))

    assert waiting(spool) == [4, 5, 6, 7, 8]
    assert spool.counts().dropped == 3
    spool.close()
    assert open_spool(tmp_path).counts().dropped == 3


def test_size_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, Limits(bytes=2_000))
    for mark in range(1, 50):
        spool.append([event(mark)])

    counts = spool.counts()
    assert counts.waiting_bytes <= 2_000
    assert counts.waiting + counts.dropped == 49
    assert waiting(spool) == list(range(50 - counts.waiting, 50))


def test_events_with_a_number_are_not_dropped_since_the_server_may_have_them(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, Limits(events=5))
    spool.append(events(1, 4))
    sent = spool.next_batch(2)
    spool.append(events(5, 8))

    again = spool.next_batch(500)

    assert again.events[:2] == sent.events
    assert [one.response_bytes for one in again.events] == [1, 2, 6, 7, 8]
    assert [one.sequence for one in again.events] == [1, 2, 3, 4, 5]
    assert spool.counts().dropped == 3


def test_a_refused_event_makes_way_for_the_next(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 4))
    spool.next_batch()

    spool.refuse(2, "events[1].at: too far ahead")

    assert [(one.sequence, one.response_bytes) for one in spool.next_batch().events] == [(1, 1), (2, 3), (3, 4)]
    assert (spool.counts().refused, spool.counts().waiting) == (1, 3)


def test_refused_events_do_not_pile_up(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for mark in range(KEPT_REFUSALS + 5):
        spool.append([event(mark)])
        spool.next_batch()
        spool.refuse(1, "no")
    spool.close()

    with sqlite3.connect(tmp_path / "spool.sqlite") as connection:
        kept = [
            msgspec.json.decode(row)["response_bytes"] for (row,) in connection.execute("select event from refused")
        ]
    connection.close()
    assert kept == list(range(5, KEPT_REFUSALS + 5))
    assert open_spool(tmp_path).counts().refused == KEPT_REFUSALS + 5


@pytest.mark.parametrize("up_to", [0, 4, 99])
def test_only_numbers_that_were_given_can_be_acknowledged(tmp_path: Path, up_to: int) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 5))
    spool.next_batch(3)
    spool.acknowledge(1)

    with pytest.raises(ValueError, match="does not lie from 1 to 3"):
        spool.acknowledge(up_to)

    assert waiting(spool) == [2, 3, 4, 5]


def test_a_new_epoch_numbers_what_waits_from_one(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 5))
    spool.next_batch()
    spool.acknowledge(3)

    spool.begin_epoch(beyond=7)

    batch = spool.next_batch()
    assert (batch.epoch, batch.prev_seq) == (8, 0)
    assert [(one.sequence, one.response_bytes) for one in batch.events] == [(1, 4), (2, 5)]


def test_a_lost_spool_raises_the_epoch(tmp_path: Path) -> None:
    open_spool(tmp_path).close()
    (tmp_path / "spool.sqlite").unlink()

    assert open_spool(tmp_path).counts().epoch == 2


def test_a_lost_epoch_counter_is_found_again_in_the_spool(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.begin_epoch()
    spool.begin_epoch()
    spool.close()
    (tmp_path / "epoch").write_text("rubbish")

    spool = open_spool(tmp_path)
    spool.begin_epoch()

    assert spool.counts().epoch == 4


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is no database at all, " * 400)


def damage_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def damage_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("drop table counter")
    connection.close()


def damage_counters(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("delete from counter where name = 'numbered'")
    connection.close()


@pytest.mark.parametrize("damage", [damage_header, damage_pages, damage_tables, damage_counters])
def test_a_damaged_spool_is_set_aside_and_a_new_epoch_begins(tmp_path: Path, damage: object) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 40))
    spool.close()
    path = tmp_path / "spool.sqlite"
    damage(path)  # type: ignore[operator]
    content = path.read_bytes()

    spool = open_spool(tmp_path)

    assert spool.set_aside is not None
    assert spool.set_aside.name.startswith("spool-damaged-")
    assert spool.set_aside.read_bytes() == content
    assert (spool.counts().epoch, spool.counts().waiting) == (2, 0)
    spool.append(events(1, 1))
    assert waiting(spool) == [1]


def test_two_spools_set_aside_in_one_second_both_stay(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    for _ in range(3):
        open_spool(tmp_path).close()
        damage_header(path)
    open_spool(tmp_path)

    assert len(list(tmp_path.glob("spool-damaged-*.sqlite"))) == 3


def test_a_spool_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_spool(tmp_path).close()
    path = tmp_path / "spool.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 3")
    connection.close()
    content = path.read_bytes()

    with pytest.raises(SpoolOfNewerVersion, match=r"format 3, this one knows 2.*Update toktra"):
        open_spool(tmp_path)

    assert path.read_bytes() == content


def test_a_spool_of_the_format_before_keeps_what_waits(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 3))
    spool.close()
    with sqlite3.connect(tmp_path / "spool.sqlite") as connection:
        connection.execute("drop table sent")
        connection.execute("pragma user_version = 1")
    connection.close()

    spool = open_spool(tmp_path)

    assert (waiting(spool), spool.set_aside) == ([1, 2, 3], None)
    spool.acknowledge(3)
    assert sent(spool) == [1, 2, 3]


def test_what_was_sent_stays_under_its_numbers_until_there_is_too_much_or_it_is_too_old(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, Limits(sent=4))
    spool.append(events(1, 6))
    spool.next_batch()
    for up_to, day in ((2, 1), (6, 2)):
        spool.acknowledge(up_to, at=datetime(2026, 11, day, tzinfo=UTC))
    assert sent(spool) == [3, 4, 5, 6]

    spool.append(events(7, 7))
    spool.next_batch()
    spool.acknowledge(7, at=datetime(2026, 11, 2, tzinfo=UTC) + timedelta(days=KEPT_SENT_DAYS, seconds=1))

    assert sent(spool) == [7]
    assert [msgspec.json.decode(row)["sequence"] for (row,) in spool._connection.execute("select event from sent")] == [
        7
    ]


def test_a_spool_that_cannot_be_opened_is_not_taken_for_damaged(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite").mkdir()

    with pytest.raises(SpoolNotOpened, match="Check the disk"):
        open_spool(tmp_path)

    assert (tmp_path / "spool.sqlite").is_dir()


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 2))
    spool._connection.execute("pragma max_page_count = 1")

    with pytest.raises(SpoolNotWritable, match="full"):
        spool.append(events(3, 400))

    assert (spool.counts().waiting, spool.counts().dropped) == (2, 0)
    spool._connection.execute("pragma max_page_count = 100000")
    spool.append(events(3, 400))
    assert waiting(spool) == list(range(1, 401))


def test_damage_while_the_agent_runs_is_told_apart_from_a_full_disk(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 2))
    spool._connection.execute("update event set event = x'00' where place = 2")

    with pytest.raises(SpoolDamaged):
        spool.next_batch()


def test_the_file_shrinks_after_a_backlog(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, Limits(sent=100))
    for first in range(1, 10_001, 500):
        spool.append(events(first, first + 499))
    spool._connection.execute("pragma wal_checkpoint(truncate)")
    full = (tmp_path / "spool.sqlite").stat().st_size

    while spool.counts().waiting:
        spool.acknowledge(spool.next_batch().events[-1].sequence)
    spool.close()

    assert (tmp_path / "spool.sqlite").stat().st_size < full / 2


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(events(1, 1))

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes["spool.sqlite"] == modes["spool.sqlite-wal"] == modes["epoch"] == 0o600


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from toktra.agent.epochs import EpochCounter
from toktra.agent.spool import Limits, Spool
from toktra.wire.events import UsageEvent
from datetime import UTC, datetime, timedelta
directory = Path(sys.argv[1])
spool = Spool(directory / "spool.sqlite", EpochCounter(directory / "epoch"))
mark = spool.counts().waiting
while True:
    spool.append([UsageEvent(sequence=1, provider_host="api.openai.com", request_bytes=1, response_bytes=mark + n,
        estimated_input_tokens=1, estimated_output_tokens=1, at=datetime(2026, 11, 22, tzinfo=UTC),
        device="0198c7a0-0000-7000-8000-000000000001", user="alice") for n in (1, 2, 3)])
    mark += 3
    print(mark, flush=True)
"""


def test_kill_9_loses_nothing_that_was_written(tmp_path: Path) -> None:
    written = 0
    for lines in (3, 17, 40):
        source = str(Path(__file__).parents[2] / "src")
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), source], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(lines):
                written = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            written = max([written, *(int(line) for line in child.stdout.read().split("\n")[:-1])])

        spool = open_spool(tmp_path)
        found = waiting(spool)
        spool.begin_epoch()  # numbers given by looking are taken back
        spool.close()
        assert found == list(range(1, len(found) + 1))
        assert len(found) in (written, written + 3)  # the last transaction may have had no time to say so
        assert len(found) % 3 == 0

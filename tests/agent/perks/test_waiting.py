"""What waits on the disk: bounded, whole after a kill, begun anew when damaged, and good for one parcel at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from toktra.agent.perks.waiting import NotWritable, Waiting
from toktra.wire.personal import RECORDS_IN_UPLOAD, Ticket

PROGRAMME = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1000.sqlite"


@pytest.fixture
def waiting(path: Path) -> Iterator[Waiting]:
    with closing(Waiting(path)) as opened:
        yield opened


def records(number: int, first: int = 0) -> list[bytes]:
    return [f"sealed {place}".encode() for place in range(first, first + number)]


def body(sealed: list[bytes]) -> bytes:
    return b"|".join(sealed)


def ticket(number: int, month: str = "2027-01") -> Ticket:
    return Ticket(programme=PROGRAMME, tier="one", month=month, nonce=bytes([number] * 32), output=bytes(64))


def test_a_parcel_stays_the_same_until_it_is_delivered_also_over_a_kill(path: Path, waiting: Waiting) -> None:
    waiting.append(records(20))
    assert waiting.parcel() is None
    parcel = waiting.pack(7, body)
    assert parcel.body == body(records(RECORDS_IN_UPLOAD))
    waiting.append(records(1, first=20))
    with closing(Waiting(path)) as anew:  # the first was never closed
        assert anew.parcel() == parcel
        anew.delivered()
        assert anew.parcel() is None
        assert anew.counts().records == 5
        assert anew.pack(8, body).body == body(records(5, first=16))


def test_what_the_service_does_not_take_goes_into_another_parcel(waiting: Waiting) -> None:
    waiting.append(records(3))
    waiting.pack(7, body)
    waiting.unpack()
    assert waiting.pack(9, body).body == body(records(3))


def test_when_too_many_wait_the_oldest_go_that_are_not_under_way_and_are_counted(path: Path) -> None:
    with closing(Waiting(path, most_records=20)) as waiting:
        waiting.append(records(18))
        waiting.pack(7, body)
        waiting.append(records(10, first=18))
        assert (waiting.counts().records, waiting.counts().dropped) == (20, 8)
        waiting.delivered()
        assert waiting.pack(8, body).body == body(records(4, first=24))


def test_a_damaged_file_is_begun_anew_and_that_is_known(path: Path) -> None:
    with closing(Waiting(path)) as waiting:
        waiting.append(records(300))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(Waiting(path)) as waiting:
        assert waiting.counts().records == 0
        assert waiting.lost
        waiting.append(records(1))
        assert waiting.counts().records == 1
    path.write_bytes(b"no database at all" * 300)
    with closing(Waiting(path)) as waiting:
        assert waiting.counts().records == 0


def test_damage_while_the_agent_runs_costs_what_waits_and_no_more(path: Path) -> None:
    with closing(Waiting(path)) as waiting:
        waiting.append([b"s" * 800] * 2000)  # more than is kept in memory of the file
        waiting.close()
        waiting.counts()  # opens it, and finds it sound
        content = bytearray(path.read_bytes())
        content[4096:] = b"\x5a" * (len(content) - 4096)
        path.write_bytes(content)
        with pytest.raises(NotWritable):
            waiting.pack(7, body)
        waiting.append(records(2))
        assert waiting.counts().records == 2
        assert waiting.lost


def test_a_record_that_cannot_be_one_is_dropped_and_counted(waiting: Waiting) -> None:
    waiting.append([b"", b"x" * 5000, *records(1)])
    assert waiting.pack(7, body).body == body(records(1))
    assert waiting.counts().dropped == 2


def test_tickets_are_spent_as_owed_and_lapse_with_their_month(waiting: Waiting) -> None:
    waiting.add_tickets([ticket(number) for number in range(1, 6)])
    waiting.owe(2)
    assert (waiting.counts().tickets, waiting.counts().due) == (3, 2)
    due = waiting.ticket_due()
    assert due is not None
    assert waiting.ticket_due() == due
    waiting.spent(due)
    waiting.add_tickets([ticket(9, "2027-02")])
    assert (waiting.counts().tickets, waiting.counts().due) == (1, 1)  # what was owed may still be spent for a week
    waiting.owe(10)
    assert (waiting.counts().tickets, waiting.counts().due) == (0, 2)


def test_a_disk_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path / "none" / "1000.sqlite")
    with pytest.raises(NotWritable, match="held in memory, sealed as well"):
        waiting.append(records(1))
    (tmp_path / "none").mkdir()
    waiting.append(records(1))
    waiting.remove()
    assert list((tmp_path / "none").iterdir()) == []

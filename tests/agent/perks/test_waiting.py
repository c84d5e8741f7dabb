"""What waits on the disk: bounded, whole after a kill, begun anew when damaged, and good for one parcel at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from toktra.agent.perks.waiting import NotWritable, Waiting
from toktra.wire.personal import LONGEST_SEALED_BYTES, Ticket

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


def append(waiting: Waiting, some: list[bytes]) -> list[int]:
    return [waiting.append(one) for one in some]


def body(sealed: bytes | None) -> bytes:
    return b"parcel of " + (sealed or b"nothing")


def ticket(number: int, month: str = "2027-01") -> Ticket:
    return Ticket(programme=PROGRAMME, tier="one", month=month, nonce=bytes([number] * 32), output=bytes(64))


def test_a_parcel_stays_the_same_until_it_is_delivered_also_over_a_kill(path: Path, waiting: Waiting) -> None:
    places = append(waiting, records(3))
    assert waiting.parcel() is None
    parcel = waiting.pack(7, body)
    assert parcel.body == b"parcel of sealed 0"
    append(waiting, records(1, first=3))
    with closing(Waiting(path)) as anew:  # the first was never closed
        assert anew.parcel() == parcel
        assert not anew.replace(places[0], b"another"), "it is on its way"
        assert anew.parcel() == parcel
        anew.delivered()
        assert anew.parcel() is None
        assert anew.counts().records == 3
        assert anew.pack(8, body).body == b"parcel of sealed 1"


def test_a_record_is_written_anew_in_its_place_and_in_no_others(waiting: Waiting) -> None:
    places = append(waiting, records(2))
    assert waiting.replace(places[1], b"fuller")
    for parcel in (b"parcel of sealed 0", b"parcel of fuller"):
        assert waiting.pack(7, body).body == parcel
        waiting.delivered()
    assert waiting.append(b"later") not in places, "a place is never given again"
    assert not waiting.replace(places[1], b"too late")
    assert waiting.pack(9, body).body == b"parcel of later"
    waiting.delivered()
    assert waiting.pack(10, body).body == b"parcel of nothing"


def test_what_the_service_does_not_take_goes_into_another_parcel(waiting: Waiting) -> None:
    append(waiting, records(3))
    waiting.pack(7, body)
    waiting.unpack()
    assert waiting.pack(9, body).body == b"parcel of sealed 0"


def test_when_too_many_wait_the_oldest_go_that_are_not_under_way_and_are_counted(path: Path) -> None:
    with closing(Waiting(path, most_records=20)) as waiting:
        append(waiting, records(18))
        waiting.pack(7, body)
        append(waiting, records(10, first=18))
        assert (waiting.counts().records, waiting.counts().dropped) == (20, 8)
        waiting.delivered()
        assert waiting.pack(8, body).body == b"parcel of sealed 9"


def test_a_damaged_file_is_begun_anew_and_that_is_known(path: Path) -> None:
    with closing(Waiting(path)) as waiting:
        append(waiting, records(300))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(Waiting(path)) as waiting:
        assert waiting.counts().records == 0
        assert waiting.lost
        append(waiting, records(1))
        assert waiting.counts().records == 1
    path.write_bytes(b"no database at all" * 300)
    with closing(Waiting(path)) as waiting:
        assert waiting.counts().records == 0


def test_damage_while_the_agent_runs_costs_what_waits_and_no_more(path: Path) -> None:
    with closing(Waiting(path)) as waiting:
        append(waiting, [b"s" * 8000] * 300)  # more than is kept in memory of the file
        waiting.close()
        waiting.counts()  # opens it, and finds it sound
        content = bytearray(path.read_bytes())
        content[4096:] = b"\x5a" * (len(content) - 4096)
        path.write_bytes(content)
        with pytest.raises(NotWritable):
            waiting.pack(7, body)
        append(waiting, records(2))
        assert waiting.counts().records == 2
        assert waiting.lost


def test_a_record_that_cannot_be_one_is_dropped_and_counted(waiting: Waiting) -> None:
    append(waiting, [b"", b"x" * (LONGEST_SEALED_BYTES + 1), *records(1)])
    assert waiting.pack(7, body).body == b"parcel of sealed 0"
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
        append(waiting, records(1))
    (tmp_path / "none").mkdir()
    append(waiting, records(1))
    waiting.remove()
    assert list((tmp_path / "none").iterdir()) == []

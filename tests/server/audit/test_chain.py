"""The chain itself: what its hash covers, and that any change, gap, move or cut is found at the right entry."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.audit.chain import START, Broken, Check, Entry, Fault, Head, canonical, hash_of

TENANT = UUID("11111111-1111-4111-8111-111111111111")
ACTOR = UUID("22222222-2222-4222-8222-222222222222")
SUBJECT = UUID("33333333-3333-4333-8333-333333333333")
AT = datetime(2026, 11, 22, 9, 14, 7, 120, tzinfo=UTC)


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, length + 1):
        entry = Entry(
            tenant_id=TENANT,
            number=number,
            at=AT + timedelta(minutes=number),
            tag="usage:viewed",
            actor="person",
            actor_id=ACTOR,
            actor_role="auditor",
            command=None,
            subject_id=SUBJECT,
            reason=f"reason {number}",
            before=None,
            after={"first_day": "2026-11-15", "last_day": "2026-11-21"},
            previous_hash=entries[-1].hash if entries else START,
            hash=b"",
        )
        entries.append(replace(entry, hash=hash_of(entry, entry.previous_hash)))
    return entries


def verdict(entries: list[Entry], expected: Head | None = None) -> Broken | None:
    check = Check(expected)
    for entry in entries:
        if broken := check.add(entry):
            return broken
    return check.finish()


def test_the_canonical_bytes_are_these() -> None:
    """Written out, because a change of them would make every trail that exists look forged."""
    entry = replace(chain(1)[0], after={"last_day": "2026-11-21", "first_day": "2026-11-15"}, reason='a "quote", ü')
    assert canonical(entry).decode() == (
        '["toktra.audit.1","11111111-1111-4111-8111-111111111111",1,"2026-11-22T09:15:07.000120Z","usage:viewed",'
        '"person","22222222-2222-4222-8222-222222222222","auditor",null,"33333333-3333-4333-8333-333333333333",'
        '"a \\"quote\\", ü",null,{"first_day":"2026-11-15","last_day":"2026-11-21"}]'
    )
    assert hash_of(entry, START) == hashlib.sha256(bytes(32) + canonical(entry)).digest()


def test_a_whole_chain_holds() -> None:
    entries = chain(5)
    assert verdict(entries) is None
    assert verdict([]) is None
    assert verdict(entries, Head(3, entries[2].hash)) is None


CHANGES: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "at": AT,
    "tag": "session:started",
    "actor": "system",
    "actor_id": None,
    "actor_role": "owner",
    "command": "server run",
    "subject_id": None,
    "reason": "another reason",
    "before": {"first_day": "2026-11-15"},
    "after": {"first_day": "2026-11-15", "last_day": "2026-11-20"},
}


def test_every_field_is_tried_below() -> None:
    chained = {"number", "previous_hash", "hash"}
    assert {field.name for field in fields(Entry)} == set(CHANGES) | chained


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_of_any_field_is_found_at_its_entry(field: str) -> None:
    entries = chain(5)
    entries[2] = replace(entries[2], **{field: CHANGES[field]})
    assert verdict(entries) == Broken(3, Fault.CHANGED)


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_with_a_fitting_hash_is_found_at_the_next_entry(field: str) -> None:
    entries = chain(5)
    forged = replace(entries[2], **{field: CHANGES[field]})
    entries[2] = replace(forged, hash=hash_of(forged, forged.previous_hash))
    assert verdict(entries) == Broken(4, Fault.NOT_LINKED)


def test_moving_a_value_into_the_next_field_is_a_change() -> None:
    entries = chain(1)
    entries[0] = replace(entries[0], actor_role=None, command="auditor")
    assert verdict(entries) == Broken(1, Fault.CHANGED)


@given(st.integers(2, 9), st.data())
def test_a_missing_entry_is_named(length: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(1, length - 1))
    entries = chain(length)
    del entries[gone - 1]
    assert verdict(entries) == Broken(gone, Fault.MISSING)


@given(st.integers(2, 9), st.data())
def test_entries_that_changed_places_are_found_at_the_first(length: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, length - 1))
    second = data.draw(st.integers(first + 1, length))
    entries = chain(length)
    one, other = entries[first - 1], entries[second - 1]
    entries[first - 1] = replace(other, number=first)
    entries[second - 1] = replace(one, number=second)
    assert verdict(entries) == Broken(first, Fault.NOT_LINKED)


def test_a_gap_closed_by_renumbering_is_found() -> None:
    entries = chain(5)
    del entries[1]
    entries = [replace(entry, number=place) for place, entry in enumerate(entries, 1)]
    assert verdict(entries) == Broken(2, Fault.NOT_LINKED)


def test_a_cut_end_is_found_only_with_an_earlier_head() -> None:
    entries = chain(5)
    noted = Head(5, entries[4].hash)
    assert verdict(entries[:3]) is None
    assert verdict(entries[:3], noted) == Broken(5, Fault.CUT_OFF)
    assert verdict([], noted) == Broken(5, Fault.CUT_OFF)


def test_a_chain_written_anew_is_found_only_with_an_earlier_head() -> None:
    noted = Head(3, chain(5)[2].hash)
    entries: list[Entry] = []
    for entry in chain(5):
        other = replace(entry, reason="harmless", previous_hash=entries[-1].hash if entries else START)
        entries.append(replace(other, hash=hash_of(other, other.previous_hash)))
    assert verdict(entries) is None
    assert verdict(entries, noted) == Broken(3, Fault.REWRITTEN)


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(42, chain(1)[0].hash)
    assert Head.parse(f" {str(head).upper()}\n") == head


@pytest.mark.parametrize("text", ["", "42", ":" + "a" * 64, "0:" + "a" * 64, "1:" + "a" * 63, "1:" + "g" * 64, "-1:aa"])
def test_what_is_no_head_is_none(text: str) -> None:
    assert Head.parse(text) is None

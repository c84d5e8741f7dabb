"""What a device and a server say about weeks: of one size whatever they say, and closed."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.wire.events import InvalidMessage, encode
from toktra.wire.portal import (
    MOST_A_DAY,
    MOST_ACCOUNTS,
    MOST_DATES,
    QUESTION_BYTES,
    AccountStanding,
    AccountWeek,
    WeeksAnswer,
    WeeksQuestion,
    answer_bytes,
    check_fits,
    decode_answer,
    decode_question,
    filled,
)
from toktra.wire.schedule import DAYS, DatedWindow, Schedule, WeeklyWindow, Window

LONGEST_ZONE = "America/Argentina/ComodRivadavia"
WEEKLY: tuple[Window, ...] = tuple(
    WeeklyWindow(days=(day,), start_minute=1400 + 4 * number, end_minute=1401 + 5 * place)
    for place, day in enumerate(DAYS)
    for number in range(MOST_A_DAY)
)
DATED: tuple[Window, ...] = tuple(
    DatedWindow(on=date(2027, 12, 1) + timedelta(days=step), start_minute=1000, end_minute=1440)
    for step in range(MOST_DATES)
)
LONGEST = Schedule(zone=LONGEST_ZONE, windows=WEEKLY + DATED)


@pytest.mark.parametrize("account", ["\\" * 128, "é" * 128])
def test_the_longest_weeks_of_all_accounts_fit_with_the_longest_agreement(account: str) -> None:
    check_fits(LONGEST.windows)
    weeks = (AccountWeek(account=account, version=2**53, schedule=LONGEST),) * MOST_ACCOUNTS
    answer = WeeksAnswer(agreement_version=2**53, agreement=LONGEST, weeks=weeks)
    body = filled(answer, answer_bytes(MOST_ACCOUNTS))
    assert len(body) == answer_bytes(MOST_ACCOUNTS)
    assert len(body) < 64 << 10  # what the agent's transport reads at most


@pytest.mark.parametrize("more", [WEEKLY[:1], DATED[:1]])
def test_one_window_more_does_not_belong_into_a_week(more: tuple[Window, ...]) -> None:
    moved = tuple(msgspec.structs.replace(window, start_minute=3) for window in more)
    with pytest.raises(ValueError, match="a week may hold"):
        check_fits(LONGEST.windows + moved)


@given(accounts=st.integers(0, 20), windows=st.integers(0, len(WEEKLY)))
def test_an_answer_is_as_long_as_the_device_has_accounts_whatever_it_says(accounts: int, windows: int) -> None:
    week = Schedule(zone="UTC", windows=WEEKLY[:windows])
    weeks = tuple(
        AccountWeek(account=f"user{n}", version=1, schedule=week) for n in range(min(accounts, MOST_ACCOUNTS))
    )
    empty = filled(WeeksAnswer(agreement_version=0), answer_bytes(accounts))
    full = filled(WeeksAnswer(agreement_version=1, agreement=week, weeks=weeks), answer_bytes(accounts))
    assert len(empty) == len(full)
    assert decode_answer(full).weeks == weeks


def test_a_question_is_always_as_long() -> None:
    standing = AccountStanding(account="ada", version=3, standing="waits")
    for question in (
        WeeksQuestion(agent_version="1", in_use=False),
        WeeksQuestion(agent_version="1.2.3", in_use=True, turn=7, standings=(standing,)),
    ):
        body = filled(question, QUESTION_BYTES)
        assert len(body) == QUESTION_BYTES
        assert decode_question(body) == msgspec.structs.replace(question, filling=decode_question(body).filling)


def test_what_does_not_fit_is_refused_whole() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        filled(WeeksAnswer(agreement_version=0, agreement=LONGEST), 500)


@pytest.mark.parametrize("body", [b"", b"{}", encode(WeeksQuestion(agent_version="1", in_use=True)), b" " * 4096])
def test_a_question_of_another_size_or_kind_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_question(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"agreement_version":0,"observe":true}', "observe"),
        (b'{"agreement_version":-1}', "agreement_version"),
        (
            b'{"agreement_version":0,"weeks":[{"account":"a","version":0,"schedule":{"zone":"UTC"}}]}',
            "weeks[0].version",
        ),
        (
            b'{"agreement_version":0,"weeks":[{"account":"a","version":1,"schedule":{"zone":"/etc/passwd"}}]}',
            "weeks[0]",
        ),
    ],
)
def test_an_answer_with_anything_else_in_it_is_refused_by_name(body: bytes, field: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        decode_answer(body)
    assert refusal.value.field.startswith(field)

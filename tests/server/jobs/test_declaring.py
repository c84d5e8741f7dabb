"""What may be a job, and what may be its arguments."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest

from toktra.server.jobs import Backoff, GiveUp, Job, Work, job


class Colour(StrEnum):
    RED = "red"


pytestmark = pytest.mark.usefixtures("jobs")


def test_arguments_come_back_as_they_were_given() -> None:
    @job("test:all-kinds")
    async def all_kinds(
        work: Work,
        *,
        one: UUID,
        number: int,
        day: date,
        at: datetime,
        word: str,
        colour: Colour,
        none: UUID | None = None,
    ) -> None: ...

    given: dict[str, Any] = {
        "one": uuid4(),
        "number": 7,
        "day": date(2026, 2, 28),
        "at": datetime(2026, 2, 28, 12, tzinfo=UTC),
        "word": "api.openai.com",
        "colour": Colour.RED,
    }
    assert all_kinds.decode(all_kinds.encode(given)) == {**given, "none": None}


@pytest.mark.parametrize("name", ["send", "Mail:send", "mail:", "mail:send:now", "mail:send now"])
def test_a_name_is_room_and_act(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a job"):
        job(name)(_nothing)


def test_a_name_is_taken_once() -> None:
    job("test:twice")(_nothing)
    with pytest.raises(ValueError, match="there is a job test:twice already"):
        job("test:twice")(_nothing)


async def _nothing(work: Work) -> None: ...


def test_an_argument_that_could_hold_anything_is_refused_when_declared() -> None:
    async def of_a_list(work: Work, *, people: list[str]) -> None: ...

    with pytest.raises(TypeError, match="test:list: people is a list"):
        job("test:list")(of_a_list)


def test_positional_arguments_are_refused_when_declared() -> None:
    async def positional(work: Work, number: int) -> None: ...

    with pytest.raises(TypeError, match="number must be keyword-only"):
        job("test:positional")(positional)


@pytest.mark.parametrize("text", ["Ada Lovelace", "ada@example.org", "", "a" * 101, "two words"])
def test_text_that_may_say_something_about_a_person_is_refused(text: str) -> None:
    @job("test:word")
    async def of_a_word(work: Work, *, word: str) -> None: ...

    with pytest.raises(ValueError, match="test:word: word is not a short lower-case word"):
        of_a_word.encode({"word": text})


@pytest.mark.parametrize("arguments", [{}, {"number": 1, "other": 2}, {"number": "one"}])
def test_arguments_that_are_not_the_jobs_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="test:number: "):
        _of_a_number().encode(arguments)


@pytest.mark.parametrize("stored", [{}, {"number": 1, "other": 2}, {"number": "one"}])
def test_a_job_of_another_version_is_given_up(stored: dict[str, Any]) -> None:
    with pytest.raises(GiveUp):
        _of_a_number().decode(stored)


def _of_a_number() -> Job[Any]:
    @job("test:number")
    async def of_a_number(work: Work, *, number: int) -> None: ...

    return of_a_number


def test_waiting_doubles_up_to_its_limit_and_ends() -> None:
    backoff = Backoff(attempts=5, first_s=10, most_s=35)
    for failed, wait_s in ((1, 10), (2, 20), (3, 35), (4, 35)):
        chosen = backoff.wait_s(failed)
        assert chosen is not None
        assert 0.8 * wait_s <= chosen <= 1.2 * wait_s
    assert backoff.wait_s(5) is None

"""A minute is shown only where it is the reader's own or points to nobody; what is left gives no minute away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from toktra.server.usage.discretion import CROWD, Exchange, Place, minute_may_be_shown, split

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def exchange(minutes: int, host: str = "api.openai.com", *, is_own: bool = False) -> Exchange:
    return Exchange(
        at=NOON + timedelta(minutes=minutes),
        is_own=is_own,
        provider_host=host,
        estimator_version="1",
        request_bytes=1,
        response_bytes=1,
        input_tokens=1,
        output_tokens=1,
    )


def test_the_rule() -> None:
    assert minute_may_be_shown(is_own=True, people=1)
    assert minute_may_be_shown(is_own=False, people=CROWD)
    assert not minute_may_be_shown(is_own=False, people=CROWD - 1)
    assert not minute_may_be_shown(is_own=False, people=0)


def test_the_only_user_of_a_provider_is_not_shown_however_many_use_others() -> None:
    """Five people use OpenAI; only one uses Mistral, and their minute would be known."""
    openai, mistral = exchange(0), exchange(1, "api.mistral.ai")
    shown, summed = split([openai, mistral], {openai.place: 5, mistral.place: 1})
    assert shown == [openai]
    assert summed == [mistral.place]


exchanges = st.builds(
    exchange, st.integers(-4000, 0), st.sampled_from(["a.example", "b.example", "c.example"]), is_own=st.booleans()
)


HOSTS = ("a.example", "b.example", "c.example")
places = st.sampled_from([exchange(-minutes, host).place for minutes in (0, 1440, 2880) for host in HOSTS])


@given(st.lists(exchanges, max_size=30), st.dictionaries(places, st.integers(0, 9)))
def test_nothing_of_others_is_shown_that_fewer_than_five_could_have_done(
    listed: list[Exchange], people: dict[Place, int]
) -> None:
    shown, summed = split(listed, people)
    for one in shown:
        assert one.is_own or people.get(one.place, 0) >= CROWD
    assert {one.place for one in listed} == {one.place for one in shown} | set(summed)
    assert len(set(summed)) == len(summed)


@given(st.lists(exchanges, min_size=1, max_size=20), st.data())
def test_the_order_of_sums_does_not_depend_on_minutes(listed: list[Exchange], data: st.DataObject) -> None:
    """Whoever knows the rule must not learn from the order which of two providers was used last."""
    others = [replace(one, is_own=False) for one in listed]
    moved = [
        replace(one, at=one.at.replace(hour=data.draw(st.integers(0, 23)), minute=data.draw(st.integers(0, 59))))
        for one in data.draw(st.permutations(others))
    ]
    assert split(others, {})[1] == split(moved, {})[1]

"""Differences of totals: nothing lost and nothing twice, whatever order silence, the kernel and lost events come in."""

from __future__ import annotations

from toktra.agent.capture.linux.exchanges import NS, ProviderFlow
from toktra.agent.capture.linux.layout import Totals
from toktra.agent.capture.meter import State
from toktra.agent.capture.observed import Exchange

SECOND = NS


def totals(told: int, state: State, sent: int, received: int, *, answered: int | None = None, at_s: int = 10) -> Totals:
    return Totals(
        sent_bytes=sent,
        received_bytes=received,
        answered_sent=sent if answered is None else answered,
        segments_out=sent // 100,
        segments_in=received // 100,
        answered_segments=(sent if answered is None else answered) // 100,
        asked_at=at_s * SECOND,
        first_byte_at=at_s * SECOND if state is not State.ASKED else 0,
        last_at=at_s * SECOND,
        told=told,
        state=state,
    )


def flow() -> ProviderFlow:
    return ProviderFlow("api.example.test", 1000)


def sums(*exchanges: Exchange | None) -> tuple[int, int]:
    told = [one for one in exchanges if one is not None]
    return sum(one.request_bytes + one.control_bytes for one in told), sum(one.response_bytes for one in told)


def test_silence_tells_once_and_the_kernels_later_word_is_no_news() -> None:
    one, live = flow(), totals(0, State.ANSWERING, 500, 9000)
    assert one.silent(live, 12 * SECOND, 0) is None, "two seconds are no silence yet"
    told = one.silent(live, 14 * SECOND, 0)
    assert told is not None
    assert (told.request_bytes, told.response_bytes) == (500, 9000)
    assert one.silent(live, 15 * SECOND, 0) is None
    assert one.ended(live, 0) is None
    assert one.closed(live, 0) is None


def test_silence_before_the_first_response_byte_ends_nothing() -> None:
    assert flow().silent(totals(0, State.ASKED, 500, 0), 1000 * SECOND, 0) is None


def test_totals_ahead_of_events_not_yet_read_are_left_alone() -> None:
    assert flow().silent(totals(1, State.ANSWERING, 500, 9000), 1000 * SECOND, 0) is None


def test_a_lost_event_merges_two_exchanges_and_loses_no_byte() -> None:
    one = flow()
    first = one.ended(totals(0, State.ANSWERING, 500, 9000), 0)
    third = one.ended(totals(2, State.ANSWERING, 1500, 20_000), 0)  # the event of the second never came
    assert sums(first, third) == (1500, 20_000)
    assert one.merged == 1
    assert third is not None
    assert not third.continued


def test_the_rest_of_a_lost_exchange_is_not_called_continued() -> None:
    one = flow()
    rest = one.closed(totals(1, State.RESUMED, 500, 9000, answered=500), 0)
    assert rest is not None
    assert rest.request_bytes == 500
    assert not rest.continued


def test_what_follows_a_told_exchange_before_the_close_is_its_continuation() -> None:
    one = flow()
    first = one.ended(totals(0, State.ANSWERING, 500, 9000), 0)
    rest = one.closed(totals(1, State.TOLD, 530, 9040), 0)
    assert rest is not None
    assert (rest.continued, rest.request_bytes, rest.control_bytes, rest.response_bytes) == (True, 0, 30, 40)
    assert sums(first, rest) == (530, 9040)


def test_a_connection_that_never_asked_is_no_exchange() -> None:
    assert flow().closed(totals(0, State.IDLE, 517, 4000), 0) is None


def test_a_request_without_an_answer_is_told_at_the_close() -> None:
    told = flow().closed(totals(0, State.ASKED, 900, 4000, answered=0), 0)
    assert told is not None
    assert (told.request_bytes, told.control_bytes, told.first_byte_at) == (900, 0, None)


def test_times_are_moved_to_the_clock_on_the_wall() -> None:
    told = flow().ended(totals(0, State.ANSWERING, 1, 1, at_s=10), 1_700_000_000 * SECOND)
    assert told is not None
    assert told.started_at == told.first_byte_at == told.ended_at == 1_700_000_010.0


def test_the_rest_of_an_exchange_says_when_the_exchange_began() -> None:
    one = flow()
    first = one.silent(totals(0, State.ANSWERING, 500, 9000, at_s=10), 20 * SECOND, 0)
    rest = one.ended(totals(1, State.RESUMED, 500, 12_000, answered=500, at_s=40), 0)
    more = one.ended(totals(2, State.RESUMED, 500, 13_000, answered=500, at_s=60), 0)
    assert first is not None
    assert rest is not None
    assert more is not None
    assert (first.begun_within, rest.begun_within, more.begun_within) == (None, (10.0, 10.0), (10.0, 10.0))
    assert (rest.started_at, more.started_at) == (40.0, 60.0)


def test_after_a_time_without_watching_another_exchange_may_have_begun() -> None:
    one = flow()
    one.silent(totals(0, State.ANSWERING, 500, 9000, at_s=10), 20 * SECOND, 0)
    one.rested = True
    rest = one.ended(totals(1, State.RESUMED, 500, 12_000, answered=500, at_s=40), 0)
    assert rest is not None
    assert rest.begun_within == (10.0, 40.0)
    asked = one.ended(totals(2, State.ANSWERING, 900, 13_000, answered=900, at_s=70), 0)
    rest = one.ended(totals(3, State.RESUMED, 900, 14_000, answered=900, at_s=80), 0)
    assert asked is not None
    assert rest is not None
    assert (asked.begun_within, rest.begun_within) == (None, (70.0, 70.0))


def test_exchanges_that_became_one_may_have_begun_at_any_time_since_the_last() -> None:
    one = flow()
    one.ended(totals(0, State.ANSWERING, 500, 9000, at_s=10), 0)
    merged = one.ended(totals(2, State.ANSWERING, 1500, 20_000, at_s=50), 0)
    assert merged is not None
    assert merged.begun_within == (10.0, 50.0)

"""From what passed the gate to what is recorded: seven facts, every byte once."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.accounts import Accounts
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.recorder import Recorder, observation_of
from toktra.catalogue.estimate import Observation, estimate
from toktra.wire.events import UsageEvent

DEVICE = "0198c7a0-0000-7000-8000-000000000001"
START = datetime(2026, 11, 22, 9, 30, 0, tzinfo=UTC).timestamp()


def observed(
    *,
    request_bytes: int = 3_000,
    control_bytes: int = 0,
    control_segments: int = 0,
    response_bytes: int = 9_000,
    continued: bool = False,
    host: str = "api.openai.com",
    uid: int | None = 1000,
    started_at: float = START,
) -> ObservedExchange:
    return ObservedExchange(
        provider_host=host,
        uid=uid,
        exchange=Exchange(
            request_bytes=0 if continued else request_bytes,
            control_bytes=control_bytes,
            control_segments=control_segments,
            response_bytes=response_bytes,
            segments_out=3,
            segments_in=40,
            first_on_connection=not continued,
            continued=continued,
            started_at=started_at,
            first_byte_at=started_at + 0.4,
            ended_at=started_at + 2.0,
        ),
    )


def recorder() -> Recorder:
    return Recorder(accounts=Accounts(account=lambda uid: f"user{uid}"), device=DEVICE)


def test_an_exchange_becomes_an_event_with_the_seven_facts() -> None:
    [event] = recorder().events([observed(control_bytes=140, control_segments=4, started_at=START + 0.999)])
    expected = estimate(
        Observation(
            provider_host="api.openai.com",
            request_bytes=3_140,
            response_bytes=9_000,
            segments_out=7,
            segments_in=40,
            first_on_connection=True,
        )
    )

    assert event == UsageEvent(
        sequence=1,
        provider_host="api.openai.com",
        request_bytes=3_140,
        response_bytes=9_000,
        estimated_input_tokens=expected.input_tokens,
        estimated_output_tokens=expected.output_tokens,
        at=datetime(2026, 11, 22, 9, 30, 0, tzinfo=UTC),
        device=DEVICE,
        user="user1000",
    )


def test_the_estimator_is_told_of_acknowledgements_but_not_of_a_goodbye() -> None:
    plain = observation_of(observed())
    assert observation_of(observed(control_bytes=24, control_segments=1)) == plain
    framed = observation_of(observed(control_bytes=35, control_segments=1))
    assert (framed.request_bytes, framed.segments_out) == (plain.request_bytes + 35, plain.segments_out + 1)
    rest = observation_of(observed(continued=True, control_bytes=70, control_segments=2))
    assert rest.request_bytes == 0


def test_a_continuation_is_recorded_but_not_counted_as_another_exchange() -> None:
    events = recorder().events(
        [
            observed(),
            observed(continued=True, request_bytes=0, control_bytes=35, response_bytes=700),
            observed(continued=True, request_bytes=0, control_bytes=24, response_bytes=0),
        ]
    )

    assert [event.request_bytes for event in events] == [3_000, 35, 24]
    assert [event.response_bytes for event in events] == [9_000, 700, 0]
    assert [event.estimated_input_tokens > 0 for event in events] == [True, False, False]
    assert events[2].estimated_output_tokens == 0


def test_the_smallest_request_still_counts_as_an_exchange() -> None:
    [event] = recorder().events([observed(request_bytes=1)])
    assert event.estimated_input_tokens >= 1


def test_a_source_that_knows_no_user_says_so() -> None:
    [event] = recorder().events([observed(uid=None)])
    assert event.user == "unknown"


exchanges = st.lists(
    st.builds(
        observed,
        request_bytes=st.integers(1, 10_000),
        control_bytes=st.integers(0, 500),
        response_bytes=st.integers(0, 50_000),
        continued=st.booleans(),
        host=st.sampled_from(["api.openai.com", "claude.ai"]),
        uid=st.sampled_from([1000, 1001]),
    ),
    max_size=30,
)


@given(exchanges)
def test_every_byte_is_in_exactly_one_event_and_every_request_is_one_exchange(taken: list[ObservedExchange]) -> None:
    events = recorder().events(taken)
    counted = sum(event.estimated_input_tokens > 0 for event in events)

    sent = sum(o.exchange.request_bytes + o.exchange.control_bytes for o in taken)
    assert sum(event.request_bytes for event in events) == sent
    assert sum(event.response_bytes for event in events) == sum(o.exchange.response_bytes for o in taken)
    assert counted == sum(not o.exchange.continued for o in taken)

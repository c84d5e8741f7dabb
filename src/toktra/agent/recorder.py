"""Turns exchanges that passed the gate into usage events: the estimate, the account's name and the time.

What comes after an exchange was reported (the rest of an answer, a window update, a TLS close) becomes an event too, so
that every byte is in the ledger. It asked nothing: its estimated input is 0, and by that it is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from toktra.agent.accounts import Accounts
from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.spool import UNNUMBERED
from toktra.catalogue.estimate import Observation, estimate
from toktra.wire.events import UsageEvent

CLOSING_ALERT_BYTES: Final = 31
"""A TLS record that says no more than goodbye: 24 bytes in TLS 1.3, 31 in 1.2. One HTTP/2 acknowledgement has 35."""


class Recorder:
    """Holds nothing between two exchanges."""

    def __init__(self, *, accounts: Accounts, device: str) -> None:
        self._accounts = accounts
        self._device = device

    def events(self, observed: Iterable[ObservedExchange]) -> list[UsageEvent]:
        """The events to record for these exchanges, in their order."""
        return [self._event(one) for one in observed]

    def _event(self, observed: ObservedExchange) -> UsageEvent:
        figures = measured(observed)
        return UsageEvent(
            sequence=UNNUMBERED,
            provider_host=observed.provider_host,
            request_bytes=figures.request_bytes,
            response_bytes=figures.response_bytes,
            estimated_input_tokens=figures.input_tokens,
            estimated_output_tokens=figures.output_tokens,
            at=datetime.fromtimestamp(int(observed.exchange.started_at), UTC),
            device=self._device,
            user=self._accounts.name(observed.uid),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is recorded of an exchange in either ledger."""

    request_bytes: int
    response_bytes: int
    input_tokens: int
    """Estimated; 0 only for the rest of an exchange already reported."""
    output_tokens: int
    """Estimated."""


def measured(observed: ObservedExchange) -> Figures:
    """The bytes of an exchange, and what they are estimated to stand for."""
    exchange = observed.exchange
    tokens = estimate(observation_of(observed))
    return Figures(
        request_bytes=exchange.request_bytes + exchange.control_bytes,
        response_bytes=exchange.response_bytes,
        input_tokens=0 if exchange.continued else max(1, tokens.input_tokens),
        output_tokens=tokens.output_tokens,
    )


def observation_of(observed: ObservedExchange) -> Observation:
    """What the estimator is told: everything the client sent during the exchange, as in the exchanges it was fitted on.

    Those count HTTP/2's acknowledgements, and their segments tell HTTP/2 from HTTP/1.1. A closing alert they have not.
    """
    exchange = observed.exchange
    acknowledged = not exchange.continued and exchange.control_bytes > CLOSING_ALERT_BYTES
    return Observation(
        provider_host=observed.provider_host,
        request_bytes=exchange.request_bytes + (exchange.control_bytes if acknowledged else 0),
        response_bytes=exchange.response_bytes,
        segments_out=exchange.segments_out + (exchange.control_segments if acknowledged else 0),
        segments_in=exchange.segments_in,
        first_on_connection=exchange.first_on_connection,
    )

"""Turns observed exchanges into usage events: the gate first, then the estimate, the account's name and the time.

What a client sends after an exchange was reported (a TLS close, a window update) comes as a continuation without a
request. An event counts as an exchange when its `request_bytes` are above 0, so those bytes must not make an event of
their own: they are carried over to the next exchange of the same account with the same host. What is still carried when
the agent stops becomes an event then, so that every byte is accounted for; a kill -9 loses them (some 24 bytes each).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from toktra.agent.accounts import Accounts
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.gate import Decision, Gate
from toktra.agent.spool import UNNUMBERED
from toktra.catalogue.estimate import Estimate, Observation, estimate
from toktra.wire.events import UsageEvent

Route = tuple[str, str]
"""Provider host and user."""


class Recorder:
    """Holds nothing but the bytes it carries over, by provider host and user."""

    def __init__(self, *, gate: Gate, accounts: Accounts, device: str) -> None:
        self._gate = gate
        self._accounts = accounts
        self._device = device
        self._carried: dict[Route, tuple[int, datetime]] = {}

    def events(self, observed: Iterable[ObservedExchange]) -> list[UsageEvent]:
        """The events to record for these exchanges, in their order."""
        events = (self._event(one) for one in observed)
        return [event for event in events if event is not None]

    def rest(self) -> list[UsageEvent]:
        """What is still carried over, for when the agent stops."""
        carried, self._carried = self._carried, {}
        return [
            self._usage(route, at, request_bytes=control_bytes, response_bytes=0, tokens=None)
            for route, (control_bytes, at) in carried.items()
        ]

    def _event(self, observed: ObservedExchange) -> UsageEvent | None:
        exchange = observed.exchange
        at = datetime.fromtimestamp(int(exchange.started_at), UTC)
        if self._gate(at) is not Decision.CORPORATE:
            return None
        route = (observed.provider_host, self._accounts.name(observed.uid))
        if not exchange.continued:
            carried, _ = self._carried.pop(route, (0, at))
            request_bytes = exchange.request_bytes + exchange.control_bytes + carried
        else:
            self._carry(route, exchange.control_bytes, at)
            request_bytes = 0
            if exchange.response_bytes == 0:
                return None
        return self._usage(
            route,
            at,
            request_bytes=request_bytes,
            response_bytes=exchange.response_bytes,
            tokens=_tokens(observed.provider_host, exchange),
        )

    def _carry(self, route: Route, control_bytes: int, at: datetime) -> None:
        if control_bytes:
            carried, since = self._carried.get(route, (0, at))
            self._carried[route] = (carried + control_bytes, since)

    def _usage(
        self, route: Route, at: datetime, *, request_bytes: int, response_bytes: int, tokens: Estimate | None
    ) -> UsageEvent:
        provider_host, user = route
        return UsageEvent(
            sequence=UNNUMBERED,
            provider_host=provider_host,
            request_bytes=request_bytes,
            response_bytes=response_bytes,
            estimated_input_tokens=tokens.input_tokens if tokens else 0,
            estimated_output_tokens=tokens.output_tokens if tokens else 0,
            at=at,
            device=self._device,
            user=user,
        )


def _tokens(provider_host: str, exchange: Exchange) -> Estimate:
    return estimate(
        Observation(
            provider_host=provider_host,
            request_bytes=exchange.request_bytes,
            response_bytes=exchange.response_bytes,
            segments_out=exchange.segments_out,
            segments_in=exchange.segments_in,
            first_on_connection=exchange.first_on_connection,
        )
    )

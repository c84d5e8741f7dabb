"""One count of what the network and the browser both saw: the rule by which no use is in it twice. Pure.

For one account and one provider host:

- The network's bytes win. A request of the browser that overlaps in time with an exchange the network saw, give or take
  TOLERANCE_S, is that exchange and nothing is added.
- A request that nothing of the network's overlaps, HOLD_S after it was told, was hidden from the network: its name was
  encrypted, or its connection was opened in a time that was not observed. It becomes an exchange of its own.
- Should the network tell of an overlapping exchange later still, what the browser's part had already counted is taken
  off it. It is then not counted as another exchange.

A browser may send requests to one host over a connection it opened to another, where both have one certificate and one
address (RFC 9113 §9.1.1): the network then counts them under the name the connection began with. So for all of this,
"the same host" is any of a family: the same name, two names with one parent (chat.mistral.ai, api.mistral.ai), or a
name and its parent. That is as far as a wildcard certificate reaches.

So each byte and each use is there once, whoever comes first and however late. What is lost is the case between: a
hidden request beside one of the same account to the same host that the network saw counts as part of the latter.

A cut (somebody's private time begins or ends) decides all that is held: the network tells everything at a cut too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from toktra.agent.capture.observed import Exchange, ObservedExchange, segments
from toktra.agent.control_messages import BrowserUse

TOLERANCE_S: Final = 2.0
"""The browser tells when it asked for a request, the network when its bytes moved."""
HOLD_S: Final = 10.0
"""The network tells of an exchange after three seconds of silence, and once a second."""
REMEMBERED_S: Final = 3600.0
"""How long a counted request can still be taken off an exchange, and an exchange cover a request."""
MOST_HELD: Final = 5_000
MOST_IDS: Final = 20_000
STREAM_SEGMENT_BYTES: Final = 250
"""What a piece of a streamed answer carries about; the browser tells bytes, the estimate goes by pieces too."""


@dataclass(slots=True)
class _Counted:
    """A request of the browser that became an exchange, and what of it can still be taken off."""

    host: str
    uid: int
    started_at: float
    ended_at: float
    request_bytes: int
    response_bytes: int
    asked: bool = True
    """It is still to be taken for the request of an exchange that comes later."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """An exchange of the network."""

    host: str
    uid: int | None
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class _Held:
    use: BrowserUse
    uid: int
    due_at: float


class Merge:
    """All times are seconds since 1970."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._held: list[_Held] = []
        self._counted: list[_Counted] = []
        self._ids: dict[str, None] = {}

    def browser(self, uid: int, uses: Iterable[BrowserUse], now_s: float) -> None:
        """Holds what an account's browser tells. The same use told again, after an answer was lost, is one."""
        for use in uses:
            if use.id in self._ids or len(self._held) >= MOST_HELD:
                continue
            self._ids[use.id] = None
            self._held.append(_Held(use, uid, now_s + HOLD_S))
        while len(self._ids) > MOST_IDS:
            del self._ids[next(iter(self._ids))]

    def network(self, observed: Iterable[ObservedExchange], now_s: float) -> list[ObservedExchange]:
        """The network's exchanges, less what the browser's requests had already counted of them."""
        self._forget(now_s)
        rest = []
        for one in observed:
            exchange = one.exchange
            self._seen.append(_Seen(one.provider_host, one.uid, exchange.started_at, exchange.ended_at))
            less = self._taken_off(one)
            if less is not None:
                rest.append(less)
        return rest

    def due(self, now_s: float) -> list[ObservedExchange]:
        """The requests that have waited long enough and that the network did not see."""
        due = [held for held in self._held if held.due_at <= now_s]
        self._held = [held for held in self._held if held.due_at > now_s]
        return self._decided(due)

    def cut(self) -> list[ObservedExchange]:
        """Decides all that is held. What comes after a cut has nothing to do with what was before."""
        held, self._held = self._held, []
        decided = self._decided(held)
        self._seen, self._counted = [], []
        return decided

    def _decided(self, held: list[_Held]) -> list[ObservedExchange]:
        unseen = [one for one in held if not any(_same(seen, one.use, one.uid) for seen in self._seen)]
        for one in unseen:
            use = one.use
            self._counted.append(
                _Counted(
                    host=use.host,
                    uid=one.uid,
                    started_at=use.started_at,
                    ended_at=use.ended_at,
                    request_bytes=use.request_bytes or 0,
                    response_bytes=use.response_bytes or 0,
                )
            )
        return [_exchange(one.use, one.uid) for one in unseen]

    def _taken_off(self, observed: ObservedExchange) -> ObservedExchange | None:
        """None when nothing is left."""
        exchange = observed.exchange
        sent, received, asked = exchange.request_bytes + exchange.control_bytes, exchange.response_bytes, False
        for counted in self._counted:
            if not may_share(counted.host, observed.provider_host) or observed.uid not in (None, counted.uid):
                continue
            if not _overlap(exchange.started_at, exchange.ended_at, counted.started_at, counted.ended_at):
                continue
            less_sent, less_received = min(sent, counted.request_bytes), min(received, counted.response_bytes)
            sent, received = sent - less_sent, received - less_received
            counted.request_bytes -= less_sent
            counted.response_bytes -= less_received
            asked, counted.asked = asked or counted.asked, False
        if (sent, received) == (exchange.request_bytes + exchange.control_bytes, exchange.response_bytes) and not asked:
            return observed
        if sent == received == 0:
            return None
        if not asked:  # bytes were taken off, the use itself was another's
            control = min(sent, exchange.control_bytes)
            return replace(
                observed,
                exchange=replace(
                    exchange, request_bytes=sent - control, control_bytes=control, response_bytes=received
                ),
            )
        rest = replace(exchange, request_bytes=0, control_bytes=sent, response_bytes=received, continued=True)
        return replace(observed, exchange=rest)

    def _forget(self, now_s: float) -> None:
        long_ago = now_s - REMEMBERED_S
        if self._seen and self._seen[0].ended_at < long_ago:
            self._seen = [seen for seen in self._seen if seen.ended_at >= long_ago]
        if self._counted and self._counted[0].ended_at < long_ago:
            self._counted = [counted for counted in self._counted if counted.ended_at >= long_ago]


def may_share(host: str, other: str) -> bool:
    """Whether one connection of a browser could carry requests to both hosts."""
    parent, others = _parent(host), _parent(other)
    return host in (other, others) or other == parent or (parent == others != "")


def _parent(host: str) -> str:
    """What a wildcard certificate for the host would name after its star; empty where that is a top level."""
    above = host.partition(".")[2]
    return above if "." in above else ""


def _same(seen: _Seen, use: BrowserUse, uid: int) -> bool:
    return (
        may_share(seen.host, use.host)
        and seen.uid in (None, uid)
        and _overlap(seen.started_at, seen.ended_at, use.started_at, use.ended_at)
    )


def _overlap(start: float, end: float, other_start: float, other_end: float) -> bool:
    return start <= other_end + TOLERANCE_S and other_start <= end + TOLERANCE_S


def _exchange(use: BrowserUse, uid: int) -> ObservedExchange:
    """Sizes the browser does not know are 0: totals are then a lower bound, and nothing is made up."""
    request_bytes, response_bytes = use.request_bytes or 0, use.response_bytes or 0
    pieces = -(-response_bytes // STREAM_SEGMENT_BYTES) if use.streamed else segments(response_bytes)
    return ObservedExchange(
        provider_host=use.host,
        uid=uid,
        exchange=Exchange(
            request_bytes=request_bytes,
            control_bytes=0,
            response_bytes=response_bytes,
            segments_out=segments(request_bytes),
            segments_in=pieces if response_bytes else 0,
            first_on_connection=False,
            continued=False,
            started_at=use.started_at,
            first_byte_at=None,
            ended_at=use.ended_at,
        ),
    )

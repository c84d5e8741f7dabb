"""What the network and the browser both saw is in the count once, with the network's bytes, whoever comes first.

Every use has bytes that are a power of two of its own, so a sum says exactly which uses are in it, and how often.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.browser.merge import HOLD_S, TOLERANCE_S, Merge, may_share
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.control_messages import BrowserUse

ALICE, BOB = 1000, 1001
HOST, OTHER = "chatgpt.com", "claude.ai"
PLENTY_S = HOLD_S + 1


def use(number: int, began: float, ended: float, *, sent: int, received: int = 0, host: str = HOST) -> BrowserUse:
    return BrowserUse(
        id=str(UUID(int=number)),
        host=host,
        started_at=began,
        ended_at=ended,
        request_bytes=sent,
        response_bytes=received,
        streamed=False,
    )


def exchange(
    began: float,
    ended: float,
    *,
    sent: int,
    received: int = 0,
    host: str = HOST,
    uid: int | None = ALICE,
    control: int = 0,
) -> ObservedExchange:
    return ObservedExchange(
        provider_host=host,
        uid=uid,
        exchange=Exchange(
            request_bytes=sent - control,
            control_bytes=control,
            response_bytes=received,
            segments_out=1,
            segments_in=1,
            first_on_connection=False,
            continued=False,
            started_at=began,
            first_byte_at=None,
            ended_at=ended,
        ),
    )


def sums(observed: list[ObservedExchange]) -> tuple[int, int, int]:
    """Bytes sent and received, and exchanges."""
    return (
        sum(one.exchange.request_bytes + one.exchange.control_bytes for one in observed),
        sum(one.exchange.response_bytes for one in observed),
        sum(not one.exchange.continued for one in observed),
    )


def test_what_the_network_saw_is_its_and_the_browser_adds_nothing() -> None:
    merge = Merge()
    merge.browser(ALICE, [use(1, 101, 104, sent=700, received=3000)], now_s=105)
    assert sums(merge.network([exchange(100, 107, sent=900, received=3500)], 108)) == (900, 3500, 1)
    assert merge.due(105 + PLENTY_S) == []


def test_what_the_network_did_not_see_becomes_an_exchange_after_a_while() -> None:
    merge = Merge()
    merge.browser(ALICE, [use(1, 101, 104, sent=700, received=3000)], now_s=105)
    assert merge.due(105 + HOLD_S / 2) == []
    [one] = merge.due(105 + PLENTY_S)
    assert (one.provider_host, one.uid, sums([one])) == (HOST, ALICE, (700, 3000, 1))
    assert merge.due(200) == []


def test_another_accounts_and_another_hosts_traffic_covers_nothing() -> None:
    merge = Merge()
    merge.network([exchange(100, 110, sent=1, uid=BOB), exchange(100, 110, sent=2, host=OTHER)], 111)
    merge.browser(ALICE, [use(1, 101, 104, sent=700)], now_s=112)
    assert sums(merge.due(112 + PLENTY_S)) == (700, 0, 1)


def test_traffic_of_nobody_known_covers_anybodys() -> None:
    merge = Merge()
    merge.network([exchange(100, 110, sent=1, uid=None)], 111)
    merge.browser(ALICE, [use(1, 101, 104, sent=700)], now_s=112)
    assert merge.due(112 + PLENTY_S) == []


def test_an_exchange_that_comes_late_is_less_what_was_counted() -> None:
    merge = Merge()
    merge.browser(ALICE, [use(1, 101, 104, sent=700, received=3000)], now_s=105)
    first = merge.due(105 + PLENTY_S)
    late = merge.network([exchange(100, 130, sent=900, received=3500, control=50)], 140)
    assert sums(first + late) == (900, 3500, 1)
    assert late[0].exchange.continued
    assert late[0].exchange.request_bytes == 0
    assert sums(merge.network([exchange(125, 126, sent=40)], 150)) == (40, 0, 1)  # nothing is left to take off


def test_an_exchange_that_has_nothing_left_is_none() -> None:
    merge = Merge()
    merge.browser(ALICE, [use(1, 101, 104, sent=700, received=3000)], now_s=105)
    merge.due(105 + PLENTY_S)
    assert merge.network([exchange(100, 130, sent=700, received=3000)], 140) == []


def test_the_same_use_told_twice_is_one() -> None:
    merge = Merge()
    one = use(1, 101, 104, sent=700)
    merge.browser(ALICE, [one, one], now_s=105)
    assert sums(merge.due(105 + PLENTY_S)) == (700, 0, 1)
    merge.browser(ALICE, [one], now_s=130)
    assert merge.due(130 + PLENTY_S) == []


def test_a_cut_decides_what_is_held_and_forgets_the_rest() -> None:
    merge = Merge()
    merge.browser(ALICE, [use(1, 101, 104, sent=700), use(2, 101, 104, sent=500, host=OTHER)], now_s=105)
    merge.network([exchange(103, 105, sent=600, host=OTHER)], 105)
    assert sums(merge.cut()) == (700, 0, 1)
    assert merge.due(200) == []
    assert sums(merge.network([exchange(101, 106, sent=900)], 201)) == (900, 0, 1)


@dataclass(frozen=True)
class Happening:
    """One real use: who saw it, and when each tells. The network's bytes are the browser's and twice as many again."""

    began: float
    lasted: float
    host: str
    uid: int
    by_network: bool
    by_browser: bool
    network_tells_after: float
    browser_tells_after: float
    browsers_clock: float
    """How far the browser's times are from the network's: ahead, or behind."""


happenings = st.lists(
    st.builds(
        Happening,
        began=st.integers(0, 300).map(lambda tenths: 1000 + tenths / 10),
        lasted=st.integers(0, 80).map(lambda tenths: tenths / 10),
        host=st.sampled_from((HOST, OTHER)),
        uid=st.sampled_from((ALICE, BOB)),
        by_network=st.booleans(),
        by_browser=st.booleans(),
        network_tells_after=st.integers(0, 60).map(float),
        browser_tells_after=st.integers(0, 60).map(float),
        browsers_clock=st.integers(-20, 20).map(lambda tenths: tenths / 10),
    ),
    max_size=12,
)


def unit(number: int) -> int:
    return int(8**number)


@given(happenings)
def test_totals_are_conserved_whatever_happens_in_whatever_order(real: list[Happening]) -> None:
    merge, recorded = Merge(), []
    tellings = []
    for number, one in enumerate(real):
        ended = one.began + one.lasted
        if one.by_network:
            tellings.append((ended + one.network_tells_after, number, "network"))
        if one.by_browser:
            tellings.append((ended + one.browser_tells_after, number, "browser"))
    for at, number, by in sorted(tellings):
        one, ended = real[number], real[number].began + real[number].lasted
        recorded += merge.due(at)
        if by == "network":
            seen = exchange(one.began, ended, sent=3 * unit(number), host=one.host, uid=one.uid)
            recorded += merge.network([seen], at)
        else:
            began, over = one.began + one.browsers_clock, ended + one.browsers_clock
            merge.browser(one.uid, [use(number, began, over, sent=unit(number), host=one.host)], at)
    recorded += merge.due(1e9)

    for host in (HOST, OTHER):
        for uid in (ALICE, BOB):
            mine = [(n, one) for n, one in enumerate(real) if (one.host, one.uid) == (host, uid)]
            total = sum(
                one.exchange.request_bytes + one.exchange.control_bytes
                for one in recorded
                if (one.provider_host, one.uid) == (host, uid)
            )
            network = sum(3 * unit(n) for n, one in mine if one.by_network)
            only_browser = [(n, one) for n, one in mine if one.by_browser and not one.by_network]
            apart = sum(
                unit(n)
                for n, one in only_browser
                if not any(_near(one, other) for _, other in mine if other.by_network)
            )
            if not any(_near(one, other) for n, one in mine for m, other in mine if n < m):
                assert total == network + sum(unit(n) for n, _ in only_browser)
            assert network <= total + _swallowed(mine)  # the network's bytes are all there
            assert total <= network + sum(unit(n) for n, _ in only_browser)  # and nothing is there twice
            assert total >= network + apart - _swallowed(mine)


def _near(one: Happening, other: Happening) -> bool:
    """Whether they may overlap by whatever clock: the browser's may be TOLERANCE_S from the network's either way."""
    apart = 2 * TOLERANCE_S
    return one.began <= other.began + other.lasted + apart and other.began <= one.began + one.lasted + apart


def _swallowed(mine: list[tuple[int, Happening]]) -> int:
    """What a hidden request can take off a neighbour's exchange that it was not part of: the loss the rule accepts."""
    return sum(
        unit(n)
        for n, one in mine
        if one.by_browser and any(_near(one, other) and other is not one for _, other in mine if other.by_network)
    )


CHAT, API = "chat.mistral.ai", "api.mistral.ai"


@given(happenings, st.lists(st.booleans(), min_size=12, max_size=12))
def test_a_use_over_a_connection_to_a_neighbouring_host_is_not_there_twice(
    real: list[Happening], shared: list[bool]
) -> None:
    """HTTP/2 and 3 let a browser send to `CHAT` over its connection to `API`: the network counts it under `API`."""
    merge, recorded = Merge(), []
    tellings = []
    for number, one in enumerate(real):
        ended = one.began + one.lasted
        if one.by_network:
            tellings.append((ended + one.network_tells_after, number, "network"))
        if one.by_browser:
            tellings.append((ended + one.browser_tells_after, number, "browser"))
    for at, number, by in sorted(tellings):
        one, ended = real[number], real[number].began + real[number].lasted
        recorded += merge.due(at)
        if by == "network":
            host = API if shared[number] else CHAT
            recorded += merge.network([exchange(one.began, ended, sent=3 * unit(number), host=host, uid=one.uid)], at)
        else:
            began, over = one.began + one.browsers_clock, ended + one.browsers_clock
            merge.browser(one.uid, [use(number, began, over, sent=unit(number), host=CHAT)], at)
    recorded += merge.due(1e9)

    for uid in (ALICE, BOB):
        mine = [(n, one) for n, one in enumerate(real) if one.uid == uid]
        total, _, uses = sums([one for one in recorded if one.uid == uid])
        network = [(n, one) for n, one in mine if one.by_network]
        hidden = [(n, one) for n, one in mine if one.by_browser and not one.by_network]
        assert total <= sum(3 * unit(n) for n, _ in network) + sum(unit(n) for n, _ in hidden)
        if not any(_near(one, other) for n, one in mine for m, other in mine if n < m):
            assert total == sum(3 * unit(n) for n, _ in network) + sum(unit(n) for n, _ in hidden)
            assert uses == len(network) + len(hidden)


@pytest.mark.parametrize(
    ("host", "other", "shares"),
    [
        ("chat.mistral.ai", "api.mistral.ai", True),
        ("openrouter.ai", "eu.openrouter.ai", True),
        ("us-east1-aiplatform.googleapis.com", "aiplatform.googleapis.com", True),
        ("chatgpt.com", "claude.ai", False),
        ("grok.com", "poe.com", False),
        ("api.openai.com", "chatgpt.com", False),
        ("a.b.openrouter.ai", "openrouter.ai", False),
    ],
)
def test_hosts_that_one_wildcard_certificate_covers_may_share_a_connection(host: str, other: str, shares: bool) -> None:
    assert may_share(host, other) is may_share(other, host) is shares
    assert may_share(host, host)


def test_counter_of_bytes_shows_each_use_once_when_uses_are_apart() -> None:
    merge, recorded = Merge(), []
    for number in range(20):
        began = 1000.0 + 100 * number
        if number % 3 != 0:
            merge.browser(ALICE, [use(number, began, began + 5, sent=1 << (2 * number))], began + 6)
        if number % 3 != 1:
            recorded += merge.network(
                [exchange(began, began + 5, sent=2 << (2 * number))], began + 40 * (number % 2) + 8
            )
        recorded += merge.due(began + 60)
    total = sums(recorded)[0]
    digits = Counter(total >> (2 * number) & 3 for number in range(20))
    assert digits[3] == 0  # never browser and network together
    assert digits[0] == 0  # never lost
    assert sums(recorded)[2] == 20

"""The whole gate: named situations, and any sequence of acts, clocks, journeys, restarts and server messages."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from toktra.agent.privacy_hours.clock import Reading, Settled, Trust, slack, trust_at_first
from toktra.agent.privacy_hours.edges import Span, occurrence
from toktra.agent.privacy_hours.gate import Decision, Gate, Reason, State
from toktra.agent.privacy_hours.timeline import Slack
from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.privacy_hours.wishes import Damaged, TooManyAdded, Wishes, add, from_disk, pause_until, plan, to_disk
from toktra.agent.privacy_hours.words import because, sentence
from toktra.agent.privacy_hours.zones import UnknownZone
from toktra.wire.schedule import DAYS, DatedWindow, Schedule, WeeklyWindow, Window

BERLIN = ZoneInfo("Europe/Berlin")
NOON_S = int(datetime(2027, 1, 4, 11, tzinfo=UTC).timestamp())  # a Monday; 12:00 in Berlin
HOUR_S, DAY_S, YEAR_S = 3600, 86_400, 365 * 86_400


def reading(later_s: float = 0, *, set_by_s: float = 0) -> Reading:
    return Reading(wall_s=NOON_S + later_s + set_by_s, monotonic_s=1000 + later_s, boot="first")


def schedule(*windows: str, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule(zone=zone, windows=tuple(parse_window(text) for text in windows))


def gate(*windows: str) -> Gate:
    return Gate(Wishes(schedule=schedule(*windows)), trust_at_first(reading()))


def until(decision: Decision) -> float:
    return math.inf if decision.until is None else (decision.until.timestamp() - NOON_S) / HOUR_S


def test_a_window_begins_and_ends_to_the_second() -> None:
    lunch = gate("mon 12:30-13:00")
    assert until(lunch.decide(reading(), BERLIN)) == 0.5
    assert lunch.decide(reading(1799.999), BERLIN).state is State.OBSERVED
    private = lunch.decide(reading(1800), BERLIN)
    assert (private.state, private.reason, until(private)) == (State.PRIVATE, Reason.WINDOW, 1)
    assert private.window == parse_window("mon 12:30-13:00")
    assert lunch.decide(reading(3599.999), BERLIN).state is State.PRIVATE
    assert lunch.decide(reading(3600), BERLIN).state is State.OBSERVED


def test_the_window_named_is_the_one_that_runs() -> None:
    two = gate("mon 12:00-13:00", "mon 13:00-14:00")
    assert two.decide(reading(), BERLIN).window == parse_window("mon 12:00-13:00")
    assert until(two.decide(reading(10), BERLIN)) == 2
    assert two.decide(reading(HOUR_S), BERLIN).window == parse_window("mon 13:00-14:00")


def test_nothing_planned_is_observed_whatever_the_clock_and_the_zone_say() -> None:
    empty = gate()
    empty.decide(reading(), BERLIN)
    for odd in (reading(1, set_by_s=-YEAR_S), Reading(wall_s=-1e12, monotonic_s=0, boot="second")):
        assert empty.decide(odd, None).state is State.OBSERVED


def test_what_cannot_be_read_is_private_until_the_owner_sets_it_again() -> None:
    damaged = Gate(None, trust_at_first(reading()))
    damaged.pause_for(1, reading())
    damaged.resume(reading())
    damaged.take_in(Wishes(schedule=schedule("2027-01-01")))
    assert damaged.decide(reading(YEAR_S), BERLIN) == Decision(State.PRIVATE, None, Reason.DAMAGED)
    damaged.obey_owner(Wishes(schedule=schedule("sat")))
    assert damaged.decide(reading(YEAR_S), BERLIN).state is State.OBSERVED


def test_an_unknown_zone_of_the_device_or_of_the_schedule_is_private() -> None:
    assert gate("sat").decide(reading(), None) == Decision(State.PRIVATE, None, Reason.ZONE)
    lost = Gate(Wishes(schedule=schedule("sat", zone="Europe/Atlantis")), trust_at_first(reading()))
    assert lost.decide(reading(), BERLIN) == Decision(State.PRIVATE, None, Reason.ZONE)
    lost.resume(reading())
    assert lost.decide(reading(), BERLIN).state is State.PRIVATE


def test_a_pause_of_half_an_hour_and_its_end() -> None:
    device = gate("mon 12:30-13:00")
    device.decide(reading(), BERLIN)
    device.pause_for(15, reading())
    paused = device.decide(reading(1), BERLIN)
    assert (paused.state, paused.reason, until(paused)) == (State.PRIVATE, Reason.PAUSE, 0.25)
    assert device.decide(reading(900), BERLIN).state is State.OBSERVED
    device.pause_for(30, reading(900))
    assert until(device.decide(reading(901), BERLIN)) == 1  # runs on into lunch
    device.resume(reading(902))
    assert until(device.decide(reading(902), BERLIN)) == 0.5
    device.obey_owner(pause_until(Wishes(schedule=schedule()), None))
    assert until(device.decide(reading(903), BERLIN)) == math.inf


def test_end_now_lifts_what_runs_this_once_and_nothing_that_was_added() -> None:
    device = gate("daily 11:00-13:00", "mon 12:30-14:00")
    device.decide(reading(), BERLIN)
    device.resume(reading())
    assert until(device.decide(reading(), BERLIN)) == 0.5
    assert until(device.decide(reading(HOUR_S / 2), BERLIN)) == 2
    device.resume(reading(HOUR_S))
    server_adds(device, schedule("mon 13:00-13:15"))
    agreed = device.decide(reading(HOUR_S + 1), BERLIN)
    assert (agreed.state, agreed.reason, until(agreed)) == (State.PRIVATE, Reason.ADDED, 1.25)
    device.resume(reading(HOUR_S + 2))
    assert device.decide(reading(HOUR_S + 2), BERLIN).reason is Reason.ADDED
    assert device.decide(reading(DAY_S), BERLIN).state is State.PRIVATE


def test_what_was_ended_early_stays_ended_over_a_restart() -> None:
    device = gate("mon 11:00-13:00")
    device.decide(reading(), BERLIN)
    device.resume(reading())
    assert device.wishes is not None
    again = Gate(from_disk(to_disk(device.wishes)), device.trust)
    assert again.decide(reading(60), BERLIN).state is State.OBSERVED


@pytest.mark.parametrize("set_by_s", [-YEAR_S, YEAR_S, -3 * HOUR_S, 3 * HOUR_S])
def test_a_clock_that_was_set_is_private_until_the_owner_says_it_is_right(set_by_s: int) -> None:
    device = gate("daily 11:00-11:59", "daily 12:01-13:00")
    assert device.decide(reading(), BERLIN).state is State.OBSERVED
    shown = reading(1, set_by_s=set_by_s)
    doubtful = device.decide(shown, BERLIN)
    assert (doubtful.state, doubtful.reason) == (State.PRIVATE, Reason.CLOCK)
    device.resume(shown)
    assert device.decide(shown, BERLIN).state is State.PRIVATE
    device.confirm_clock(shown)
    assert device.decide(shown, BERLIN).state is State.OBSERVED


def test_end_now_said_to_a_wrong_clock_ends_no_window_of_another_day() -> None:
    device = gate("daily 12:00-13:00")
    device.decide(reading(), BERLIN)
    tomorrow = reading(1800, set_by_s=DAY_S)
    device.decide(tomorrow, BERLIN)
    device.resume(tomorrow)
    assert device.decide(reading(DAY_S + 2000), BERLIN).state is State.PRIVATE  # the clock is right again


def test_what_was_ended_is_private_again_once_the_clock_is_in_doubt() -> None:
    device = gate("mon 11:00-13:00")
    device.decide(reading(), BERLIN)
    device.resume(reading())
    assert device.decide(reading(60), BERLIN).state is State.OBSERVED
    assert device.decide(reading(120, set_by_s=600), BERLIN).state is State.PRIVATE


def test_what_was_ended_here_is_not_ended_where_it_runs_longer() -> None:
    kolkata, karachi = ZoneInfo("Asia/Kolkata"), ZoneInfo("Asia/Karachi")  # half an hour apart
    at_home = schedule("daily 12:00-13:00", zone="Asia/Kolkata")
    later_s = datetime(2027, 1, 5, 7, 15, tzinfo=UTC).timestamp() - NOON_S  # 12:45 in Kolkata
    device = Gate(Wishes(schedule=at_home), trust_at_first(reading()))
    device.decide(reading(later_s), kolkata)
    device.resume(reading(later_s))
    assert device.decide(reading(later_s), kolkata).state is State.OBSERVED
    assert device.decide(reading(later_s + 1), karachi).state is State.PRIVATE


def test_a_clock_set_by_an_hour_is_private_where_either_time_is() -> None:
    device = gate("mon 14:00-15:00")
    device.decide(reading(), BERLIN)
    back = device.decide(reading(10, set_by_s=-HOUR_S), BERLIN)
    assert (back.state, until(back)) == (State.OBSERVED, 1.0)  # by the clock that ran on, 14:00 comes at 13:00
    assert device.decide(reading(2 * HOUR_S, set_by_s=-HOUR_S), BERLIN).reason is Reason.CLOCK
    window = device.decide(reading(3 * HOUR_S, set_by_s=-HOUR_S), BERLIN)
    assert (window.reason, until(window)) == (Reason.WINDOW, 3)
    assert device.decide(reading(4 * HOUR_S, set_by_s=-HOUR_S), BERLIN).state is State.OBSERVED


def test_a_pause_said_to_a_wrong_clock_lasts_at_least_as_long() -> None:
    device = gate("2027-12-24")
    device.decide(reading(), BERLIN)
    device.pause_for(30, reading(10, set_by_s=-YEAR_S))
    assert device.decide(reading(1000), BERLIN).reason is Reason.PAUSE  # the clock is right again
    unbounded = Gate(
        device.wishes, Trust(settled=Settled.WHEN_THE_OWNER_SAYS_SO, boot="x", anchor_wall_s=0, anchor_monotonic_s=0)
    )
    unbounded.pause_for(30, reading())
    assert unbounded.wishes is not None
    assert unbounded.wishes.pause is not None
    assert unbounded.wishes.pause.until is None


def test_travelling_covers_both_readings() -> None:
    device = gate("daily 12:00-13:00")
    new_york = ZoneInfo("America/New_York")
    evening = device.decide(reading(2 * HOUR_S), new_york)
    assert (evening.state, until(evening)) == (State.OBSERVED, 6)  # 12:00 in New York is 18:00 in Berlin
    assert device.decide(reading(6 * HOUR_S), new_york).state is State.PRIVATE
    assert until(device.decide(reading(7 * HOUR_S), new_york)) == 24  # 12:00 in Berlin


def test_a_window_that_runs_while_the_zone_changes_runs_on() -> None:
    device = gate("daily 12:00-13:00")
    new_york, chicago = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
    assert device.decide(reading(6.5 * HOUR_S), new_york).state is State.PRIVATE
    landed = device.decide(reading(6.6 * HOUR_S), chicago)
    assert (landed.reason, until(landed)) == (Reason.ZONE_CHANGE, 8)  # and then it is noon in Chicago
    device.resume(reading(6.7 * HOUR_S))
    assert until(device.decide(reading(6.7 * HOUR_S), chicago)) == 7


def test_a_server_message_in_an_unknown_zone_changes_nothing() -> None:
    device = gate("sat")
    before = device.wishes
    with pytest.raises(UnknownZone):
        server_adds(device, schedule("daily", zone="Mars/Olympus"))
    assert device.wishes == before


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    window = parse_window("sat") if reason in (Reason.WINDOW, Reason.ADDED) else None
    decision = Decision(State.PRIVATE, None, reason, window)
    assert because(decision).endswith(".")
    assert ("works agreement" in because(decision)) == (reason is Reason.ADDED)
    assert sentence(decision, BERLIN).startswith("Private, with no end planned.")


def server_adds(device: Gate, more: Schedule) -> None:
    if device.wishes is not None:
        device.take_in(add(device.wishes, more))


HOURS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda hours: hours[0] != hours[1])
DAY_SETS = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda chosen: tuple(day for day in DAYS if day in chosen))
WINDOWS: st.SearchStrategy[Window] = st.one_of(
    st.builds(lambda days, h: WeeklyWindow(days=days, start_minute=h[0], end_minute=h[1]), DAY_SETS, HOURS),
    st.builds(
        lambda step, h: DatedWindow(on=date(2027, 3, 27) + timedelta(days=step), start_minute=h[0], end_minute=h[1]),
        st.integers(-2, 5),
        HOURS,
    ),
)
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
SCHEDULES = st.builds(
    lambda zone, windows: Schedule(zone=zone, windows=tuple(windows)),
    st.sampled_from(ZONES),
    st.lists(WINDOWS, max_size=3),
)
STEPS_S = [600, -600, HOUR_S, -HOUR_S, 9 * HOUR_S, -9 * HOUR_S, DAY_S, -DAY_S, YEAR_S, -YEAR_S]


class DeviceOfOneOwner(RuleBasedStateMachine):
    """The right time and what the owner made private are known here; the gate sees only clocks that anyone may set."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = int(datetime(2027, 3, 26, 12, tzinfo=UTC).timestamp())  # Berlin changes its clock on the 28th
        self.set_by_s = 0
        self.boot = 1
        self.zone = "Europe/Berlin"
        self.own = Schedule(zone=self.zone)
        self.added: list[Schedule] = []
        self.paused_before_s = -math.inf
        self.ended: Span | None = None  # from when the owner said so, to the last end of what ran then
        self.exact = True
        self.readable = True
        self.gate = Gate(Wishes(schedule=self.own), trust_at_first(self.reading()))
        self.decide()

    def reading(self) -> Reading:
        return Reading(wall_s=self.now_s + self.set_by_s, monotonic_s=float(self.now_s), boot=str(self.boot))

    def decide(self) -> Decision:
        return self.gate.decide(self.reading(), ZoneInfo(self.zone))

    def covering(self, one: Schedule) -> set[Span]:
        around = datetime.fromtimestamp(self.now_s, UTC).date()
        days = [around + timedelta(days=step) for step in range(-4, 4)]
        spans = {
            occurrence(window, day, ZoneInfo(zone))
            for zone in {one.zone, self.zone}
            for window in one.windows
            for day in days
            if (window.on == day if isinstance(window, DatedWindow) else DAYS[day.weekday()] in window.days)
        }
        return {span for span in spans if span.start_s <= self.now_s < span.end_s}

    def is_ended(self, span: Span) -> bool:
        return self.ended is not None and span.start_s <= self.ended.start_s < span.end_s <= self.ended.end_s

    def is_private(self) -> bool:
        return (
            not self.readable
            or self.now_s < self.paused_before_s
            or any(not self.is_ended(span) for span in self.covering(self.own))
            or any(self.covering(one) for one in self.added)
        )

    @initialize(own=SCHEDULES)
    def first_schedule(self, own: Schedule) -> None:
        self.owner_plans(own)

    @rule(own=SCHEDULES)
    def owner_plans(self, own: Schedule) -> None:
        wishes = self.gate.wishes
        if wishes is None:  # nothing could be read, so nothing of it is left
            self.paused_before_s, self.added = -math.inf, []
            wishes = Wishes(schedule=own)
        self.gate.obey_owner(plan(wishes, own))
        self.own, self.ended, self.readable = own, None, True

    @rule(minutes=st.integers(1, 600))
    def owner_pauses(self, minutes: int) -> None:
        self.gate.pause_for(minutes, self.reading())
        if self.readable:
            self.paused_before_s = max(self.paused_before_s, self.now_s + 60 * minutes)

    @rule()
    def owner_ends_now(self) -> None:
        self.decide()
        sure = slack(self.gate.trust, self.reading()) == Slack()
        self.gate.resume(self.reading())
        self.paused_before_s = -math.inf
        if sure and self.readable and (running := self.covering(self.own)):
            self.ended = Span(self.now_s, max(span.end_s for span in running))

    @precondition(lambda self: self.set_by_s == 0)
    @rule()
    def owner_confirms_the_clock(self) -> None:
        self.gate.confirm_clock(self.reading())

    @rule(more=SCHEDULES)
    def server_adds(self, more: Schedule) -> None:
        before = self.decide().state
        try:
            server_adds(self.gate, more)
        except TooManyAdded:
            return
        assert before is State.OBSERVED or self.decide().state is State.PRIVATE
        if self.readable:
            self.added.append(more)

    @rule(seconds=st.one_of(st.integers(0, 300), st.integers(0, 2 * DAY_S)), looks=st.integers(0, 5))
    def time_passes(self, seconds: int, looks: int) -> None:
        before, started_s = self.decide(), self.now_s
        for look in range(1, looks + 2):
            self.now_s = started_s + seconds * look // (looks + 1)
            if before.until is None or self.now_s + self.set_by_s < before.until.timestamp():
                assert self.decide().state is before.state
            else:
                self.keeps_its_promise()

    @rule(set_by_s=st.sampled_from(STEPS_S))
    def someone_sets_the_clock(self, set_by_s: int) -> None:
        self.set_by_s = set_by_s
        self.exact = False

    @rule()
    def the_clock_is_set_right(self) -> None:
        self.set_by_s = 0

    @rule(zone=st.sampled_from(ZONES))
    def device_travels(self, zone: str) -> None:
        self.exact = self.exact and zone == self.zone
        self.zone = zone

    @rule(reboots=st.booleans())
    def agent_restarts(self, reboots: bool) -> None:
        self.boot += reboots
        kept = msgspec.json.decode(msgspec.json.encode(self.gate.trust), type=Trust)
        wishes = None if self.gate.wishes is None else from_disk(to_disk(self.gate.wishes))
        self.gate = Gate(wishes, kept)

    @rule(place=st.integers(0, 60))
    def disk_is_damaged(self, place: int) -> None:
        if self.gate.wishes is None:
            return
        content = bytearray(to_disk(self.gate.wishes))
        content[place] ^= 1
        with pytest.raises(Damaged):
            from_disk(bytes(content))
        self.gate = Gate(None, self.gate.trust)
        self.readable = False

    @invariant()
    def keeps_its_promise(self) -> None:
        decision = self.decide()
        if decision.state is State.OBSERVED:
            assert not self.is_private()
        elif self.exact:
            assert self.is_private()
        assert decision.until is None or decision.until.timestamp() > self.now_s + self.set_by_s


DeviceOfOneOwner.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestDeviceOfOneOwner = DeviceOfOneOwner.TestCase

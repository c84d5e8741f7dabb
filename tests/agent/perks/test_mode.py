"""Personal mode as a decision: by when an exchange began, in doubt personal, and only ever by its owner."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.agent.privacy_hours.machine import NOON, ZONE, Machine

from toktra.agent.control_messages import Add, PauseFor, PauseUntil, RemoveAll, Resume
from toktra.agent.perks.mode import MOST_CHANGES, Ledger, Modes, Past
from toktra.agent.privacy_hours.store import Store
from toktra.agent.privacy_hours.windows import parse_window

ALICE, BOB = 1000, 1001


class Device:
    """Clocks and modes; the agent looks when it is told to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.machine = Machine()
        self.modes = self.start()

    def start(self) -> Modes:
        self.modes = Modes(Store(self.directory / "mode"), self.machine.read, lambda: ZONE)
        return self.modes

    def now(self) -> float:
        """As the clock of this device shows it."""
        return self.machine.read().wall_s

    def wait(self, seconds: float, *, looking: bool = True) -> float:
        self.machine.monotonic += seconds
        if looking:
            self.modes.look()
        return self.now()

    def of(self, began: float, uid: int | None = ALICE) -> Ledger:
        self.modes.look()
        return self.modes.ledger(uid, began, began)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_without_any_wish_everything_is_the_organisations(device: Device) -> None:
    assert device.of(device.now()) is Ledger.CORPORATE
    assert device.of(device.now(), uid=None) is Ledger.CORPORATE


def test_an_exchange_belongs_to_the_mode_it_began_in_whenever_it_is_seen(device: Device) -> None:
    before = device.wait(10)
    device.wait(10)
    device.modes.act(ALICE, PauseUntil())
    within = device.wait(10)
    device.wait(10)
    device.modes.act(ALICE, Resume())
    after = device.wait(10)
    assert [device.of(at) for at in (before, within, after)] == [Ledger.CORPORATE, Ledger.PERSONAL, Ledger.CORPORATE]
    assert device.of(within, uid=BOB) is Ledger.CORPORATE
    assert device.of(within, uid=None) is Ledger.NEITHER
    assert device.of(after, uid=None) is Ledger.CORPORATE


def test_the_rest_of_an_exchange_that_may_have_begun_unseen_is_personal_when_any_of_it_may_be(device: Device) -> None:
    before = device.wait(10)
    device.wait(1)
    device.modes.act(ALICE, PauseFor(minutes=1))
    after = device.wait(100)
    assert device.modes.ledger(ALICE, before, before) is Ledger.CORPORATE
    assert device.modes.ledger(ALICE, before, after) is Ledger.PERSONAL


def test_windows_begin_and_end_to_the_second_also_when_nobody_looked(device: Device) -> None:
    device.modes.act(ALICE, Add(windows=(parse_window("daily 12:10-12:20"), parse_window("daily 12:30-12:31"))))
    device.wait(3600, looking=False)
    expected = {9: False, 10: True, 15: True, 19: True, 20: False, 29: False, 30: True, 31: False, 59: False}
    for minute, personal in expected.items():
        assert (device.of(NOON + 60 * minute + 0.5) is Ledger.PERSONAL) == personal, minute


def test_mode_and_schedule_survive_a_restart(device: Device) -> None:
    device.modes.act(ALICE, PauseFor(minutes=60))
    device.start()
    assert device.of(device.now()) is Ledger.PERSONAL
    device.wait(3601)
    assert device.of(device.now()) is Ledger.CORPORATE


def test_a_clock_that_was_set_leaves_it_on_until_the_owner_says_so(device: Device) -> None:
    device.modes.act(ALICE, PauseFor(minutes=60))
    device.machine.set_by = 3 * 86_400.0
    assert device.of(device.wait(1)) is Ledger.PERSONAL
    device.modes.act(ALICE, Resume())
    assert device.of(device.wait(1)) is Ledger.CORPORATE


def test_a_clock_that_was_set_into_a_window_makes_personal_what_began_since_the_last_look(device: Device) -> None:
    device.modes.act(ALICE, Add(windows=(parse_window("daily 18:00-19:00"),)))
    device.wait(10)
    device.machine.monotonic += 5
    device.machine.set_by = 6.2 * 3600
    assert device.of(device.now() - 3) is Ledger.PERSONAL


def test_what_cannot_be_read_counts_as_on_until_begun_anew(device: Device) -> None:
    device.modes.act(ALICE, PauseFor(minutes=1))
    (device.directory / f"mode.{ALICE}").write_bytes(b"?")
    device.start()
    assert device.of(device.wait(3600)) is Ledger.PERSONAL
    assert device.modes.cannot_be_read(ALICE)
    device.modes.act(ALICE, RemoveAll())
    assert device.of(device.wait(1)) is Ledger.CORPORATE


def test_who_left_is_off_at_once_and_leaves_nothing_on_the_disk(device: Device) -> None:
    device.modes.act(ALICE, PauseUntil())
    within = device.wait(5)
    device.modes.forget(ALICE)
    assert device.of(device.wait(5)) is Ledger.CORPORATE
    assert device.of(within) is Ledger.PERSONAL  # and nobody there to seal it: it is dropped
    assert not (device.directory / f"mode.{ALICE}").exists()
    assert device.start().ledger(ALICE, device.now(), device.now()) is Ledger.CORPORATE


def test_the_past_is_bounded_and_forgets_to_the_safe_side() -> None:
    past = Past(personal=False)
    for place in range(MOST_CHANGES + 10):
        past.note(float(place), personal=place % 2 == 0)
    assert past.personal_within(0.5, 0.5)
    assert past.personal_within(1.5, 1.5)  # it was off, which is no longer known
    assert not past.personal_within(MOST_CHANGES + 7.5, MOST_CHANGES + 7.5)

"""Numbers, moments, windows and states in words, in English and in German."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from toktra.agent.control_messages import OwnToday, Tokens, Told
from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.tray import words
from toktra.agent.tray.language import use_language
from toktra.agent.tray.state import Kind, shown
from toktra.wire.schedule import Schedule

ROOT = Path(__file__).parents[3]
NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)  # a Monday


@pytest.fixture(autouse=True)
def english_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    use_language(["en"])
    yield
    use_language(["en"])


def plain(text: str) -> str:
    return text.replace(words.NBSP, " ")


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (153_000, 207_000, "150 – 210 k"),
        (0, 2, "0 – 2"),
        (5, 5, "5"),
        (1_234, 5_678, "1 200 – 5 800"),
        (95_000_000, 97_000_000, "95.0 – 97.0 M"),
        (9_999, 10_000, "9.999 – 10.000 k"),
    ],
)
def test_a_range_holds_the_real_one_in_steps_of_a_tenth_of_it(low: int, high: int, written: str) -> None:
    assert plain(words.tokens(low, high)) == written


def test_sizes_and_moments() -> None:
    assert [plain(words.size(n)) for n in (0, 999, 13_900, 250_000, 2_000_000_000)] == [
        "0 B",
        "999 B",
        "13.9 kB",
        "250 kB",
        "2.0 GB",
    ]
    written = [words.moment(NOW + timedelta(hours=hours), NOW) for hours in (1, 19, 50, 24 * 400)]
    assert [plain(one) for one in written] == [
        "13:00",
        "tomorrow, 07:00",
        "Wed 6 Jan, 14:00",
        "Tue 8 Feb 2028, 12:00",
    ]


@pytest.mark.parametrize(
    ("window", "english", "german"),
    [
        ("mon-fri 12:00-13:00", "Mon – Fri, 12:00 – 13:00", "Mo – Fr, 12:00 – 13:00"),
        ("daily 22:00-06:00", "every day, 22:00 – 06:00", "jeden Tag, 22:00 – 06:00"),
        ("sat", "Sat, the whole day", "Sa, der ganze Tag"),
        ("mon,wed 09:00-24:00", "Mon, Wed, 09:00 – 24:00", "Mo, Mi, 09:00 – 24:00"),
        ("2027-12-24", "Fri 24 Dec 2027, the whole day", "Fr 24. Dez. 2027, der ganze Tag"),
    ],
)
def test_windows(window: str, english: str, german: str) -> None:
    assert plain(words.window(parse_window(window))) == english
    use_language(["de-AT", "en"])
    assert plain(words.window(parse_window(window))) == german


def told(*, private: bool, reason: Reason, until: datetime | None = None, window: str | None = None) -> Told:
    return Told(
        private=private,
        until=until,
        because="",
        in_words="",
        schedule=Schedule(zone="Etc/UTC"),
        reason=reason,
        window=parse_window(window) if window else None,
    )


def today(link: str) -> OwnToday:
    return OwnToday(
        tenant="Example Ltd",
        server="https://toktra.example.com",
        device="d",
        link=link,  # type: ignore[arg-type]
        link_because="",
        exchanges=0,
        tokens=Tokens(low=0, high=0),
        request_bytes=0,
        response_bytes=0,
        waiting=0,
    )


def test_observed_says_when_that_ends_and_whether_the_server_takes_it() -> None:
    nothing = shown(told(private=False, reason=Reason.NOTHING_PLANNED), today("connected"), NOW)
    assert (nothing.kind, nothing.headline) == (Kind.OBSERVED, "Observed")
    assert nothing.sentence == "Work use is being counted. No private time is planned."
    at_19 = told(private=False, reason=Reason.NOTHING_PLANNED, until=NOW + timedelta(hours=7))
    assert "Next private time: 19:00." in shown(at_19, today("connected"), NOW).sentence
    for link in ("unreachable", "shut-out"):
        assert "waits on this device" in shown(at_19, today(link), NOW).sentence


@pytest.mark.parametrize(
    ("reason", "window", "says"),
    [
        (Reason.PAUSE, None, "You paused."),
        (Reason.WINDOW, "mon-fri 12:00-13:00", "Yours: Mon – Fri, 12:00 – 13:00."),
        (Reason.ADDED, "sat", "works agreement: Sat, the whole day."),
        (Reason.ZONE_CHANGE, None, "time zone changed"),
        (Reason.CLOCK, None, "Is it right now?"),
        (Reason.DAMAGED, None, "Set it again"),
        (Reason.ZONE, None, "does not know its time zone"),
    ],
)
def test_private_says_until_when_and_why(reason: Reason, window: str | None, says: str) -> None:
    state = shown(told(private=True, reason=reason, until=NOW + timedelta(hours=1), window=window), None, NOW)
    assert (state.kind, state.headline, says in plain(state.sentence)) == (Kind.PRIVATE, "Private until 13:00", True)
    assert state.doubts_clock is (reason is Reason.CLOCK)
    endless = shown(told(private=True, reason=reason, window=window), None, NOW)
    assert endless.headline == "Private"


def test_without_an_agent_it_claims_nothing_else() -> None:
    assert shown(None, today("connected"), NOW).kind is Kind.OFFLINE


def test_a_language_that_is_not_there_is_passed_over() -> None:
    use_language(["xx-XX", "de"])
    assert words.day(date(2027, 1, 4), date(2027, 1, 4)) == "heute"
    use_language(["en-GB", "de"])
    assert words.day(date(2027, 1, 4), date(2027, 1, 4)) == "today"
    assert plain(words.size(13_900)) == "13.9 kB"


def test_figures_in_german_are_those_of_the_pages() -> None:
    use_language(["de"])
    assert plain(words.tokens(7_512_345, 16_480_000)) == "7,5 – 16,5 Mio."
    assert plain(words.tokens(6_910, 14_205)) == "6,5 – 14,5 Tsd."


def test_german_is_whole_and_compiled() -> None:
    check = [sys.executable, str(ROOT / "scripts/build_tray_translations.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""`toktra privacy-hours explain`, as people and programs call it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from toktra.agent.privacy_hours.commands import privacy_hours


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(privacy_hours, ["explain", *arguments])


def given(*windows: str) -> list[str]:
    return [word for window in windows for word in ("--window", window)]


def ask(at: str, *windows: str, zone: str = "Europe/Berlin") -> dict[str, str | None]:
    result = explain(*given(*windows), "--zone", zone, "--at", at, "--json")
    assert result.exit_code == 0, result.stderr
    answer: dict[str, str | None] = json.loads(result.stdout)
    assert list(answer) == ["state", "until", "because"]
    assert answer["because"]
    return answer


@pytest.mark.parametrize(
    ("at", "windows", "state", "until"),
    [
        ("2027-03-28T02:30:00+01:00", ["mon-fri 12:00-13:00"], "observed", "2027-03-29T12:00:00+02:00"),
        ("2027-03-26T12:59:59.9+01:00", ["mon-fri 12:00-13:00"], "private", "2027-03-26T13:00:00+01:00"),
        ("2027-03-26T13:00:00+01:00", ["mon-fri 12:00-13:00"], "observed", "2027-03-29T12:00:00+02:00"),
        ("2027-03-27T23:00:00+01:00", ["daily 22:00-06:00"], "private", "2027-03-28T06:00:00+02:00"),
        ("2027-03-28T02:30:00+01:00", ["sun 02:00-03:00"], "private", "2027-03-28T04:00:00+02:00"),
        ("2027-10-31T00:30:00Z", ["sun 02:00-02:15"], "private", "2027-10-31T02:15:00+01:00"),
        ("2027-10-30T20:00:00Z", ["sat 22:00-02:30"], "private", "2027-10-31T02:30:00+01:00"),
        ("2027-12-31T23:30:00Z", ["2027-12-31 22:00-24:00", "2028-01-01"], "private", "2028-01-02T00:00:00+01:00"),
        ("2028-02-28T12:00:00Z", ["2028-02-29"], "observed", "2028-02-29T00:00:00+01:00"),
        ("2027-03-28T02:30:00+01:00", ["daily"], "private", None),
        ("2027-03-28T02:30:00+01:00", [], "observed", None),
        ("2027-03-28T02:30:00+01:00", ["2027-03-26"], "observed", None),
    ],
)
def test_state_and_until(at: str, windows: list[str], state: str, until: str | None) -> None:
    answer = ask(at, *windows)
    assert (answer["state"], answer["until"]) == (state, until)


def test_because_names_the_window_and_the_doubt() -> None:
    because = ask("2027-03-26T12:00:00Z", "fri 11:00-15:00", "sat")["because"]
    assert because == "The window fri 11:00-15:00 covers this time."
    assert "In doubt, private." in str(ask("2027-03-28T01:30:00Z", "sun 02:00-03:00")["because"])
    assert ask("2027-03-26T12:00:00Z", "sat")["because"] == "No window covers this time."


@pytest.mark.parametrize(
    ("windows", "at", "says"),
    [
        (
            ["fri 12:00-13:00"],
            "2027-03-05T12:30:00+01:00",
            (
                "Private until Fri 5 Mar 2027, 13:00 (Europe/Berlin, +01:00). "
                "The window fri 12:00-13:00 covers this time.\n"
            ),
        ),
        (
            ["mon-fri 12:00-13:00"],
            "2027-03-28T02:30:00+01:00",
            "Observed until Mon 29 Mar 2027, 12:00 (Europe/Berlin, +02:00). No window covers this time.\n",
        ),
        (
            ["daily"],
            "2027-03-28T02:30:00Z",
            "Private, with no end planned. The window daily 00:00-24:00 covers this time.\n",
        ),
        ([], "2027-03-28T02:30:00Z", "Observed. No private time is planned. No window covers this time.\n"),
    ],
)
def test_without_json_one_line_says_it(windows: list[str], at: str, says: str) -> None:
    result = explain(*given(*windows), "--zone", "Europe/Berlin", "--at", at)
    assert (result.exit_code, result.stdout) == (0, says)


AT = ("--at", "2027-03-28T02:30:00+01:00")
BERLIN = ("--zone", "Europe/Berlin")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--window", "foo", *BERLIN, *AT], "--window"),
        (["--window", "12:00-12:00", *BERLIN, *AT], "--window"),
        (["--window", "", *BERLIN, *AT], "--window"),
        (["--window", "daily", "--window", "mon 25:00-26:00", *BERLIN, *AT], "--window"),
        (["--window", "daily"] * 1001 + [*BERLIN, *AT], "--window"),
        (["--zone", "Mars/Olympus", *AT], "--zone"),
        (["--zone", "", *AT], "--zone"),
        ([*AT], "--zone"),
        ([*BERLIN], "--at"),
        ([*BERLIN, "--at", "2027-03-28T02:30:00"], "--at"),
        ([*BERLIN, "--at", "2027-03-28"], "--at"),
        ([*BERLIN, "--at", "noon"], "--at"),
        ([*BERLIN, "--at", ""], "--at"),
        ([*BERLIN, "--at", "0001-01-01T00:00:00+14:00"], "--at"),
        ([*BERLIN, "--at", "9999-12-31T23:59:59-14:00"], "--at"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_option(arguments: list[str], option: str) -> None:
    result = explain(*arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"'{option}'" in result.stderr


def test_a_thousand_windows_are_taken() -> None:
    twenty_an_hour = [
        f"2027-03-{day} {hour:02}:{minute:02}-{hour:02}:{minute + 1:02}"
        for day in (28, 29)
        for hour in range(24)
        for minute in range(20)
    ]
    windows = twenty_an_hour + ["sat"] * 40
    assert len(windows) == 1000
    assert ask("2027-03-28T00:00:00+01:00", *windows)["until"] == "2027-03-28T00:20:00+01:00"

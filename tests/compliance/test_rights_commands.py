"""`toktra rights due` as people and programs read it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from toktra.cli import main


def due(*arguments: str) -> str:
    answer = CliRunner().invoke(main, ["rights", "due", *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_it_prints_the_days_and_their_rules() -> None:
    text = due("--regulation", "gdpr", "--received", "2027-01-31")
    assert "Due          2027-02-28 (Sunday)" in text
    assert "Target       2027-02-26 (Friday)" in text
    assert "GDPR Art. 12(3)" in text
    assert "no day set" in text


def test_a_day_that_looks_mistyped_is_remarked_on() -> None:
    assert "9000-01-01 (Wednesday), which is still to come" in due("--regulation", "gdpr", "--received", "9000-01-01")
    assert "before the law applied (2018-05-25)" in due("--regulation", "GDPR", "--received", "2016-02-29")
    assert "still to come" not in due("--regulation", "ccpa", "--received", "2020-02-29")


def test_programs_get_one_json_object() -> None:
    found = json.loads(due("--regulation", "ccpa", "--received", "2026-12-21", "--extended", "--json"))
    assert found["confirm_by"] == "2027-01-06"
    assert found["due"] == "2027-03-21"
    assert found["target"] == "2027-03-19"
    assert found["extend_by"] == "2027-02-04"
    assert found["extended"] is True
    assert "§ 7021(b)" in found["rule"]
    assert "§ 7021(a)" in found["confirm_rule"]


def test_a_country_changes_the_target_only() -> None:
    found = json.loads(due("--regulation", "gdpr", "--received", "2026-12-07", "--country", "de-by", "--json"))
    assert (found["due"], found["target"]) == ("2027-01-06", "2027-01-05")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--received", "2026-01-01"), "--regulation"),
        (("--regulation", "lgpd", "--received", "2026-01-01"), "lgpd"),
        (("--regulation", "gdpr"), "--received"),
        (("--regulation", "gdpr", "--received", "2027-02-29"), "not a day of the calendar"),
        (("--regulation", "gdpr", "--received", "2027-13-01"), "not a day of the calendar"),
        (("--regulation", "gdpr", "--received", "2027-1-31"), "YYYY-MM-DD"),
        (("--regulation", "gdpr", "--received", "31.01.2027"), "31.01.2027"),
        (("--regulation", "gdpr", "--received", "9999-12-31"), "9999-12-31"),
        (("--regulation", "gdpr", "--received", "2026-01-01", "--country", "Atlantis"), "ATLANTIS"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: tuple[str, ...], named: str) -> None:
    answer = CliRunner().invoke(main, ["rights", "due", *arguments])
    assert answer.exit_code == 2
    assert named in answer.output

"""`toktra estimate`: one answer a line, and a line that cannot be answered is named without stopping the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue.commands import estimate
from toktra.catalogue.estimate import Estimate

GOOD = {
    "provider_host": "api.openai.com",
    "request_bytes": 6_000,
    "response_bytes": 40_000,
    "segments_out": 5,
    "segments_in": 100,
    "first_on_connection": False,
}


def run(*lines: object) -> Result:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    return CliRunner().invoke(estimate, input=text)


def test_every_line_is_answered_in_order() -> None:
    found = run(GOOD, {**GOOD, "provider_host": "chatgpt.com"})
    assert found.exit_code == 0
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert [answer["regime"] for answer in answers] == ["openai/streamed", "web_chat/streamed"]
    assert set(answers[0]) == set(Estimate.__slots__)


def test_other_fields_and_blank_lines_are_ignored() -> None:
    found = run({**GOOD, "client": "curl", "input_tokens": 5}, "", GOOD)
    first, second = found.stdout.splitlines()
    assert first == second


def test_a_file_may_be_named(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    file.write_text(json.dumps(GOOD))
    assert CliRunner().invoke(estimate, [str(file)]).stdout == run(GOOD).stdout


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"request_bytes": -1}, "request_bytes: must not be negative, is -1"),
        ({"segments_in": 2.5}, "segments_in: must be a whole number, is 2.5"),
        ({"segments_in": True}, "segments_in: must be a whole number, is true"),
        ({"response_bytes": None}, "response_bytes: must be a whole number, is null"),
        ({"response_bytes": "40000"}, 'response_bytes: must be a whole number, is "40000"'),
        ({"first_on_connection": 1}, "first_on_connection: must be true or false, is 1"),
        ({"provider_host": None}, "provider_host: must be a text, is null"),
    ],
)
def test_a_wrong_value_is_named_with_line_and_field(change: dict[str, Any], complaint: str) -> None:
    found = run(GOOD, {**GOOD, **change}, GOOD)
    assert found.exit_code == 1
    assert found.stderr == f"line 2: {complaint}\n"
    first, second, third = (json.loads(line) for line in found.stdout.splitlines())
    assert second == {"error": f"line 2: {complaint}"}
    assert first == third


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e3", '{"n": 1}', "[5]"])
@pytest.mark.parametrize("field", ["request_bytes", "segments_in"])
def test_what_is_no_whole_number_is_named_however_it_is_written(field: str, value: str) -> None:
    line = json.dumps(GOOD).replace(f'"{field}": {GOOD[field]}', f'"{field}": {value}')
    found = run(line, GOOD)
    assert found.exit_code == 1
    assert found.stderr.startswith(f"line 1: {field}: must be a whole number, is ")
    assert json.loads(found.stdout.splitlines()[1])["input_tokens"] > 0


@pytest.mark.parametrize("host", ["", "." * 100_000, "a." * 50_000, "\ud800", "xn--\u0000", "NEVER.HEARD.OF.EXAMPLE."])
def test_a_host_nobody_knows_is_answered_by_the_pooled_family(host: str) -> None:
    found = run({**GOOD, "provider_host": host})
    assert found.exit_code == 0
    assert json.loads(found.stdout)["regime"] == "pooled/streamed"


def test_counts_of_nothing_are_answered_with_nothing() -> None:
    nothing = dict.fromkeys(("request_bytes", "response_bytes", "segments_out", "segments_in"), 0)
    answer = json.loads(run({**GOOD, **nothing}).stdout)
    assert {value for name, value in answer.items() if name != "regime"} == {0}


def test_files_that_windows_wrote_are_read() -> None:
    line = json.dumps(GOOD).encode()
    found = CliRunner().invoke(estimate, input=b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line + b"\r\n")
    assert found.exit_code == 0
    assert found.stdout == run(GOOD, GOOD).stdout


def test_the_mark_that_begins_a_file_is_not_taken_inside_it() -> None:
    found = CliRunner().invoke(estimate, input=b"{}\n\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert "line 2: is not JSON" in found.stderr


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.text(max_size=20),
        st.integers(-3, 5_000),
        st.integers(-(2**80), 2**80),
        st.sampled_from(("api.anthropic.com", "chatgpt.com", "api.deepseek.com.", "X" * 300)),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
ROWS = st.fixed_dictionaries({}, optional={field: VALUES | st.just(value) for field, value in GOOD.items()})
COUNTS = st.sampled_from(("request_bytes", "response_bytes", "segments_out", "segments_in"))
CHANGED = st.builds(lambda field, value: {**GOOD, field: value}, COUNTS, VALUES)


@given(st.lists(ROWS | CHANGED | VALUES, min_size=1, max_size=4))
def test_every_line_is_answered_soundly_or_refused_by_its_number(rows: list[object]) -> None:
    found = run(*(json.dumps(row) for row in rows))
    assert found.exception is None or isinstance(found.exception, SystemExit)
    answers = [json.loads(line, parse_constant=pytest.fail) for line in found.stdout.splitlines()]
    assert len(answers) == len(rows)
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True), start=1):
        if "error" in answer:
            named = any(f"line {number}: {field}: " in answer["error"] for field in GOOD)
            assert named if isinstance(row, dict) else answer["error"] == f"line {number}: is not a JSON object"
            continue
        assert isinstance(row, dict)
        assert set(row) >= set(GOOD)
        assert all(type(value) is int for name, value in answer.items() if name != "regime")
        for side in ("input", "output"):
            assert 0 <= answer[f"{side}_low"] <= answer[f"{side}_tokens"] <= answer[f"{side}_high"]
    assert found.exit_code == int(any("error" in answer for answer in answers))


@pytest.mark.parametrize("field", list(GOOD))
def test_a_missing_field_is_named(field: str) -> None:
    found = run({name: value for name, value in GOOD.items() if name != field})
    assert found.exit_code == 1
    assert found.stderr == f"line 1: {field}: is missing\n"


@pytest.mark.parametrize("line", ["{", "nonsense", "[1]", "7", '{"request_bytes": ' + "9" * 5000 + "}", "[" * 100_000])
def test_what_is_not_a_json_object_is_refused_by_line(line: str) -> None:
    found = run(line, GOOD)
    assert found.exit_code == 1
    assert found.stderr.startswith("line 1: is not ")
    assert json.loads(found.stdout.splitlines()[1])["input_tokens"] > 0


def test_bytes_that_are_not_text_are_refused_by_line() -> None:
    found = CliRunner().invoke(estimate, input=b"\xff\xfe{}\n")
    assert found.exit_code == 1
    assert found.stderr.startswith("line 1: is not JSON")


def test_absurd_counts_still_get_an_answer() -> None:
    found = run({**GOOD, "request_bytes": 10**300, "response_bytes": 10**300, "segments_in": 0})
    assert found.exit_code == 0
    answer = json.loads(found.stdout)
    assert 0 <= answer["output_low"] <= answer["output_tokens"] <= answer["output_high"]

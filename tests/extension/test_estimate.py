"""The extension's estimator under node against the agent's way from a browser's use to an event: the same tokens."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from toktra.agent.browser.merge import _exchange
from toktra.agent.control_messages import BrowserUse
from toktra.agent.recorder import measured
from toktra.catalogue.estimate import ESTIMATOR_VERSION, SHIPPED
from toktra.catalogue.uncertainty import Part, tokens_range

ALONE = Path(__file__).parents[2] / "extension" / "alone"
SEEDED = 20_000

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def run(script: str, given: object) -> Any:
    imports = (
        f'import {{ estimate, ESTIMATOR_VERSION }} from "{(ALONE / "estimate.js").as_uri()}";'
        f'import {{ tokensRange }} from "{(ALONE / "uncertainty.js").as_uri()}";'
        'import { readFileSync } from "node:fs"; const given = JSON.parse(readFileSync(0, "utf8"));'
    )
    command = ["node", "--no-warnings", "--input-type=module", "-e", f"{imports}{script}"]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hosts() -> list[str]:
    """One of every family, below suffixes too, and some that none claims."""
    named = [host for family in SHIPPED.families for host in family.hosts]
    below = [f"eu.{suffix}" for family in SHIPPED.families for suffix in family.suffixes]
    return [*named, *below, "api.groq.com", "api.deepseek.com", "unclaimed.example"]


def uses() -> list[dict[str, Any]]:
    """Sizes at the edges, none at all, a tebibyte, the most of an event, and many drawn up to a hundred megabytes."""
    draw = random.Random(20261123)
    edges = [None, 0, 1, 249, 250, 251, 699, 700, 1447, 1448, 1449, 5500, 5501, 10**6, 2**40]
    sizes = [(sent, received) for sent in edges for received in edges]
    sizes += [(int(10 ** draw.uniform(0, 8)), int(10 ** draw.uniform(0, 8))) for _ in range(SEEDED)]
    names = hosts()
    return [
        {
            "host": names[place % len(names)],
            "request_bytes": sent,
            "response_bytes": received,
            "streamed": draw.random() < 0.5,
        }
        for place, (sent, received) in enumerate(sizes)
    ]


def as_the_agent_counts(use: dict[str, Any]) -> list[int]:
    told = BrowserUse(id="0" * 36, started_at=1.0, ended_at=2.0, **use)
    figures = measured(_exchange(told, 1000))
    return [figures.input_tokens, figures.output_tokens]


def test_it_estimates_as_the_agent_does() -> None:
    given = uses()
    answers = run("console.log(JSON.stringify(given.map(estimate).map(({ input, output }) => [input, output])))", given)
    expected = [as_the_agent_counts(use) for use in given]
    for use, answer, one in zip(given, answers, expected, strict=True):
        assert answer == pytest.approx(one, rel=1e-11, abs=1), use
    # Two libraries' logarithms may differ in the last of their 53 bits; then an estimate of 5.5 is 5 here and 6 there.
    apart = [use for use, answer, one in zip(given, answers, expected, strict=True) if answer != one]
    assert len([use for use in apart if 2**40 not in use.values()]) <= 3, apart
    assert len({tuple(answer) for answer in answers}) > SEEDED / 4  # it is not a constant


def test_a_total_is_as_sure_as_the_agent_says() -> None:
    draw = random.Random(7)
    days = [
        {
            host: {"exchanges": draw.randint(1, 400), "input": draw.randint(1, 10**6), "output": draw.randint(0, 10**6)}
            for host in draw.sample(hosts(), draw.randint(0, 6))
        }
        for _ in range(300)
    ]
    answers = run("console.log(JSON.stringify(given.map(tokensRange)))", days)
    for day, answer in zip(days, answers, strict=True):
        expected = tokens_range(
            Part(provider_host=host, exchanges=one["exchanges"], input_tokens=one["input"], output_tokens=one["output"])
            for host, one in day.items()
        )
        assert abs(answer["low"] - expected.low) <= 1, day
        assert abs(answer["high"] - expected.high) <= 1, day
        assert answer["low"] <= answer["high"]


def test_it_names_the_tables_it_estimates_with() -> None:
    assert run("console.log(JSON.stringify(ESTIMATOR_VERSION))", None) == ESTIMATOR_VERSION

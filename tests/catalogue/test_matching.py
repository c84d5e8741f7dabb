"""Whole labels, the longest match, and the traps that whole labels are for."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Meta

from toktra.catalogue.matching import HostMatcher, is_host, patterns_meet, suffix_covers
from toktra.wire import events

RULES = HostMatcher(
    exact={"api.example.com": "exact", "bedrock.eu-1.cloud.example": "this region", "plain.example": "plain"},
    suffixes={"openai.example.com": "suffix", "contoso.openai.example.com": "longer suffix", "cloud.example": "cloud"},
    patterns={"bedrock.*.cloud.example": "pattern", "*.bedrock.cloud.example": "left star"},
    left_out=["telemetry.openai.example.com"],
)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("api.example.com", "exact"),
        ("API.Example.COM", "exact"),
        ("api.example.com.", "exact"),
        ("Contoso.OpenAI.Example.com.", "suffix"),
        ("a.b.openai.example.com", "suffix"),
        ("x.contoso.openai.example.com", "longer suffix"),
        ("bedrock.us-2.cloud.example", "pattern"),
        ("bedrock.eu-1.cloud.example", "this region"),
        ("bedrock.us.2.cloud.example", "cloud"),
        ("bedrock.bedrock.cloud.example", "left star"),
    ],
)
def test_a_host_is_found_by_the_longest_rule(host: str, found: str) -> None:
    assert RULES.find(host) == found


@pytest.mark.parametrize(
    "host",
    [
        "openai.example.com",  # a suffix does not cover itself
        "example.com",
        "xapi.example.com",  # part of a label
        "api.example.com.evil.test",
        "api.example.comm",
        "notopenai.example.com",
        "evil-openai.example.com",
        "telemetry.openai.example.com",
        "sub.api.example.com",  # an exact name covers nothing below it
        "api.example.com..",
        ".openai.example.com",
        "a..openai.example.com",
        "*.openai.example.com",
        "bedrock.*.cloud.example",
        "a b.openai.example.com",
        "a\x00.openai.example.com",
        "a.openai.example.com\n",
        "api.example.com\x00.evil.test",
        "é.openai.example.com",
        "api.e\u212aample.com",
        "x" * 64 + ".openai.example.com",
        ".".join(["x" * 60] * 5) + ".openai.example.com",
        "192.0.2.1",
        "localhost",
        "com",
        ".",
        "",
    ],
)
def test_a_host_that_no_rule_names_is_nobodys(host: str) -> None:
    assert RULES.find(host) is None


def test_a_letter_that_only_lowers_to_ascii_is_not_ascii() -> None:
    assert "\u212aimi.test".lower() == "kimi.test"
    assert HostMatcher(exact={"kimi.test": 1}, suffixes={}, patterns={}).find("\u212aimi.test") is None


labels = st.sampled_from(["a", "b", "c", "ab", "a-b"])
names = st.lists(labels, min_size=2, max_size=5).map(".".join)
patterns = st.tuples(st.lists(labels, max_size=2), st.lists(labels, min_size=2, max_size=3)).map(
    lambda sides: ".".join((*sides[0], "*", *sides[1]))
)
answers = st.integers(0, 9)


def slow_find(
    host: str, exact: dict[str, int], suffixes: dict[str, int], patterns: dict[str, int], left_out: set[str]
) -> int | None:
    """The rules of the catalogue as its documentation puts them, one after the other and with nothing clever."""
    host = host.lower().removesuffix(".")
    parts = host.split(".")
    if host in exact:
        return exact[host]
    if host in left_out:
        return None
    fitting = [
        rule.split(".").index("*")
        for rule in patterns
        if len(rule.split(".")) == len(parts)
        and all(have in (want, "*") for want, have in zip(parts, rule.split("."), strict=True))
    ]
    if fitting:
        star = min(fitting)
        return patterns[".".join([*parts[:star], "*", *parts[star + 1 :]])]
    below = [
        rule
        for rule in suffixes
        if len(rule.split(".")) < len(parts) and parts[-len(rule.split(".")) :] == rule.split(".")
    ]
    return suffixes[max(below, key=len)] if below else None


@given(
    host=names | names.map(str.upper) | names.map("{}.".format),
    exact=st.dictionaries(names, answers, max_size=4),
    suffixes=st.dictionaries(names, answers, max_size=6),
    patterns=st.dictionaries(patterns, answers, max_size=6),
    left_out=st.sets(names, max_size=2),
)
@example(
    host="a.b.c.ab",
    exact={},
    suffixes={"c.ab": 1, "b.c.ab": 2},
    patterns={"*.b.c.ab": 3, "a.*.c.ab": 4},
    left_out=set(),
)
def test_find_agrees_with_the_rules_read_out_slowly(
    host: str, exact: dict[str, int], suffixes: dict[str, int], patterns: dict[str, int], left_out: set[str]
) -> None:
    matcher = HostMatcher(exact=exact, suffixes=suffixes, patterns=patterns, left_out=left_out)
    assert matcher.find(host) == slow_find(host, exact, suffixes, patterns, left_out)


@given(st.text(max_size=40) | names)
def test_a_host_name_here_is_a_host_name_on_the_wire(text: str) -> None:
    (meta,) = (meta for meta in get_args(events.HostName)[1:] if isinstance(meta, Meta))
    assert meta.pattern is not None
    on_the_wire = re.search(meta.pattern, text) is not None and not text.endswith("\n")
    assert is_host(text) == on_the_wire


@given(one=patterns, other=names | patterns)
def test_patterns_meet_when_some_host_fits_both(one: str, other: str) -> None:
    both = patterns_meet(one, other)
    assert both == patterns_meet(other, one)
    if both:
        host = ".".join(
            (a if a != "*" else b).replace("*", "any") for a, b in zip(one.split("."), other.split("."), strict=True)
        )
        rules = {rule: True for rule in (one, other) if "*" in rule}
        for rule in rules:
            assert HostMatcher(exact={}, suffixes={}, patterns={rule: True}).find(host)
        assert other in (*rules, host)


def test_a_suffix_covers_whole_labels() -> None:
    assert suffix_covers("example.com", "a.example.com")
    assert suffix_covers("example.com", "example.com")
    assert not suffix_covers("example.com", "anexample.com")
    assert not suffix_covers("a.example.com", "example.com")

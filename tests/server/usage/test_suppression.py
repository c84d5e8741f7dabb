"""Which groups are withheld, tried with every sum and difference of what is shown."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.usage.discretion import CROWD
from toktra.server.usage.suppression import total_may_be_shown, withheld

PEOPLE = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), max_size=6)


@pytest.mark.parametrize(
    ("people", "hidden"),
    [
        ({}, set()),
        ({"a": 5, "b": 9}, set()),
        ({"a": 9, "b": 2, "c": 3}, {"b", "c"}),
        ({"a": 9, "b": 4, "c": 6}, {"b", "c"}),
        ({"a": 9, "b": 4, "c": 5, "d": 5}, {"b", "c"}),
        ({"a": 9, "b": 1}, {"a", "b"}),
        ({"a": 4}, {"a"}),
        ({"a": 9, "moved away": 0}, {"a", "moved away"}),
    ],
)
def test_small_groups_are_hidden_among_five(people: dict[str, int], hidden: set[str]) -> None:
    assert withheld(people) == hidden


@given(PEOPLE)
def test_no_combination_of_what_is_shown_isolates_fewer_than_five(people: dict[str, int]) -> None:
    groups = sorted(people)
    hidden = withheld(people)
    shown = [[group == one for group in groups] for one in groups if one not in hidden]
    if total_may_be_shown(people):
        shown.append([True] * len(groups))
    for weights in product((-1, 0, 1), repeat=len(shown)):
        pairs = list(zip(weights, shown, strict=True))
        combined = [sum(weight * part[place] for weight, part in pairs) for place in range(len(groups))]
        if any(combined):
            isolated = sum(people[group] for group, weight in zip(groups, combined, strict=True) if weight)
            assert isolated >= CROWD, (weights, combined)


@given(PEOPLE)
def test_no_more_is_hidden_than_hides_the_small(people: dict[str, int]) -> None:
    hidden = withheld(people)
    large = [group for group in hidden if people[group] >= CROWD]
    assert len(large) <= 1
    assert not large or sum(people[group] for group in hidden if group not in large) < CROWD

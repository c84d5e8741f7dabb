"""Which groups' figures may be shown, so that nobody's can be found: not directly, and not by subtracting. Pure.

The rule
--------
The people behind a day's figures are divided into groups, each person in one. A group of fewer than `CROWD` people is
withheld. What is withheld is still in the total, so whoever knows the total and the groups shown knows the sum of those
withheld as well; therefore they are `CROWD` people or more together, or there are none. Where they are fewer, the
smallest group that could be shown is withheld with them. A total of fewer than `CROWD` people is withheld itself.

So the people of a day fall into parts (each group that is shown, and all that are withheld together) of at least
`CROWD`, and any figure that is a sum over whole parts, of one day or of many, adds or subtracts to whole parts only.
It holds for figures of every kind and every provider, as long as the parts of a day are decided once and for all kinds
alike, and never again.
"""

from __future__ import annotations

from collections.abc import Mapping

from toktra.server.usage.discretion import CROWD


def total_may_be_shown(people: Mapping[str, int]) -> bool:
    """Whether the sum over all groups may be shown; `people` counts those of each group."""
    return sum(people.values()) >= CROWD


def withheld(people: Mapping[str, int]) -> frozenset[str]:
    """The groups whose figures are not shown by themselves.

    A group that has figures and counts nobody (its only member was moved to another on that day) is withheld as well.
    """
    hidden = {group for group, number in people.items() if number < CROWD}
    if not hidden or sum(people[group] for group in hidden) >= CROWD:
        return frozenset(hidden)
    others = sorted((number, group) for group, number in people.items() if group not in hidden)
    if others:
        hidden.add(others[0][1])
    return frozenset(hidden)

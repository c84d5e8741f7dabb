"""Host names against the catalogue's three kinds of rule, by whole labels.

A rule is an exact name, a suffix (every name *below* it, at any depth, not the name itself) or a pattern in which one
`*` stands for exactly one label, such as bedrock-runtime.*.amazonaws.com. No rule can match part of a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

Found = TypeVar("Found")

MAX_HOST_LENGTH: Final = 253

_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_host = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def is_host(name: str) -> bool:
    """Whether this is a DNS name as `wire.UsageEvent` takes it: two labels or more, lower case, no trailing dot."""
    return len(name) <= MAX_HOST_LENGTH and _host.fullmatch(name) is not None


class HostMatcher(Generic[Found]):
    """Finds what belongs to a host: the exact name first, then a pattern, then the longest suffix.

    That order is "the longest match wins": an exact name beats a pattern of as many labels, and a pattern spans the
    whole name where a suffix leaves at least one label over. Of two patterns that both match, the one whose `*` stands
    further left wins, because names grow more particular from right to left.
    """

    __slots__ = ("_ends", "_exact", "_patterns", "_star_places", "_suffixes")

    def __init__(
        self,
        *,
        exact: Mapping[str, Found],
        suffixes: Mapping[str, Found],
        patterns: Mapping[str, Found],
        left_out: Iterable[str] = (),
    ) -> None:
        """`left_out` are exact names that no suffix and no pattern may take in."""
        self._exact: dict[str, Found | None] = {**dict.fromkeys(left_out), **exact}
        self._suffixes = dict(suffixes)
        self._patterns = dict(patterns)
        self._ends = frozenset(".".join(rule.split(".")[-2:]) for rule in (*suffixes, *patterns))
        self._star_places = _star_places(patterns)

    def find(self, host: str) -> Found | None:
        """What belongs to `host`, in whatever case and with or without one trailing dot; None for anything else."""
        if not host.isascii():  # lower() would turn the Kelvin sign into the k of kimi.com
            return None
        host = host.lower().removesuffix(".")
        if host in self._exact:
            return self._exact[host]
        if host[host.rfind(".", 0, host.rfind(".")) + 1 :] not in self._ends:  # the way of nearly every host
            return None
        found = self._find_by_rule(host)
        return found if found is not None and is_host(host) else None

    def _find_by_rule(self, host: str) -> Found | None:
        labels = host.split(".")
        for place in self._star_places.get(len(labels), ()):
            starred = ".".join((*labels[:place], "*", *labels[place + 1 :]))
            found = self._patterns.get(starred)
            if found is not None:
                return found
        dot = host.find(".")
        while dot != -1:
            found = self._suffixes.get(host[dot + 1 :])
            if found is not None:
                return found
            dot = host.find(".", dot + 1)
        return None


def suffix_covers(suffix: str, rule: str) -> bool:
    """Whether every host of `rule` (a name, a suffix or a pattern) lies below `suffix`, or is that same suffix."""
    return rule == suffix or rule.endswith("." + suffix)


def patterns_meet(one: str, other: str) -> bool:
    """Whether some host fits both; either may be an exact name."""
    labels, others = one.split("."), other.split(".")
    return len(labels) == len(others) and all(a == b or "*" in (a, b) for a, b in zip(labels, others, strict=True))


def _star_places(patterns: Iterable[str]) -> dict[int, tuple[int, ...]]:
    """By the number of labels: where a `*` may stand, leftmost first."""
    places: dict[int, set[int]] = {}
    for pattern in patterns:
        labels = pattern.split(".")
        places.setdefault(len(labels), set()).add(labels.index("*"))
    return {count: tuple(sorted(found)) for count, found in places.items()}

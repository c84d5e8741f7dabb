"""Writes fitted tables as the readable TOML file the estimator ships with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

PREAMBLE: Final = """\
# How byte and segment counts become tokens: the tables estimate.py reads. Written by bench/tokens; do not edit by hand.
# What they mean, how they were fitted and what they reach on held-out data is explained in docs/tokens.md.
#
# Input:  tokens at each size of the request body, and the 90 % interval as factors of them.
# Output: segments x tokens_per_segment(bytes per segment) x size_factor(segments) x context_factor(request body);
#         low and high are factors of the same three kinds, multiplied together.
# Between two knots the logarithms are joined by a line.
"""


def to_toml(tables: Mapping[str, Any]) -> str:
    """The text of the file. Tables and lists of tables come after plain values, as TOML asks."""
    return PREAMBLE + "".join(_table(tables, ""))


def _table(table: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}\n" for key, value in table.items() if not _is_table(value)]
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            lines += [f"\n[{name}]\n", *_table(value, name)]
        elif _is_table(value):
            for item in value:
                lines += [f"\n[[{name}]]\n", *_table(item, name)]
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _value(value: object) -> str:
    match value:
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case _:
            return str(value)

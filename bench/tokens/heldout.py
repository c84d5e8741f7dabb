"""Estimates of exchanges by coefficients that never saw them: by conversation, by client and by provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.exchanges import Measured
from bench.tokens.fit import fit
from bench.tokens.plans import is_web_chat

from toktra.catalogue.coefficient_file import build_coefficients
from toktra.catalogue.estimate import Estimate, estimate_with

CONVERSATION_FOLDS: Final = 10
CLIENTS: Final = ("curl", "go", "java", "node_sdk", "py_sdk", "requests")
"""Browsers are left out: they are the only client of web chats, so nothing could be fitted without them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An exchange, what coefficients fitted without it say, and which family and group was held out."""

    row: Measured
    estimate: Estimate
    family: str
    held_out: str


def by_conversation(rows: Sequence[Measured], seed: int = 1, folds: int = CONVERSATION_FOLDS) -> list[Judged]:
    """Every exchange once, by a fit without its conversation."""
    names = sorted({row.conversation for row in rows})
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {name: f"fold {int(order[place]) % folds}" for place, name in enumerate(names)}
    return _each_held_out(rows, lambda row: fold[row.conversation], set(fold.values()))


def by_client(rows: Sequence[Measured]) -> list[Judged]:
    """Generated exchanges of each client, by a fit without that client."""
    return _each_held_out(rows, lambda row: "" if row.recorded else row.client, set(CLIENTS))


def by_provider(rows: Sequence[Measured]) -> list[Judged]:
    """Generated exchanges of each API provider, by a fit without any exchange of its host."""
    hosts = {row.observation.provider_host for row in rows if not row.recorded and not is_web_chat(row)}
    judged = _each_held_out(rows, lambda row: row.observation.provider_host, hosts)
    return [one for one in judged if not one.row.recorded]


def _each_held_out(rows: Sequence[Measured], group: Callable[[Measured], str], names: set[str]) -> list[Judged]:
    """The exchanges of each named group, by a fit without that group."""
    judged: list[Judged] = []
    for name in sorted(names):
        taught = [row for row in rows if group(row) != name]
        coefficients = build_coefficients({"version": "held-out", **fit(taught)})
        for row in rows:
            if group(row) == name:
                family = coefficients.family(row.observation.provider_host).name
                judged.append(Judged(row, estimate_with(coefficients, row.observation), family, name))
    return judged

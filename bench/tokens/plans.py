"""Which families are fitted, which exchanges teach each, and how much each exchange counts."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.exchanges import Measured
from bench.tokens.regression import Array

PROVIDERS: Final = Path(__file__).parents[2] / "src/toktra/catalogue/providers.toml"
RECORDED_WEIGHT: Final = 6.0
"""How much a recorded exchange of the first study counts beside a generated one."""
CASSETTE_WEIGHT: Final = 0.7
"""The same for the other collections: they are many, and their headers are filled up by guess."""
CASSETTE_INPUT_WEIGHT: Final = 0.4
"""The same for input: a small request is mostly headers, so a guess at them is most of what it says."""
FOLDS: Final = 5
AZURE_SUFFIXES: Final = (
    "openai.azure.com",
    "openai.azure.us",
    "services.ai.azure.com",
    "cognitiveservices.azure.com",
)


@dataclass(frozen=True)
class FamilyPlan:
    """A family to fit: its hosts and which exchanges teach it."""

    name: str
    hosts: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    teaches: Callable[[Measured], bool] = lambda row: True
    pooled: bool = False
    plain_header_bytes: int | None = None
    """For clients whose headers do not show in segment counts, such as browsers: one size for all."""


def is_web_chat(row: Measured) -> bool:
    """Whether a browser spoke to a chat whose server holds the conversation."""
    return row.format == "web_chat"


ALONE: Final = ("web_chat", "google.generate")
"""Formats that one provider alone speaks; a host nobody knows is expected to speak one of the others."""


def chat_hosts() -> list[str]:
    """Web chats of the catalogue that were not measured: they are taken to speak like the one that was."""
    measured = {host for plan in PLANS for host in plan.hosts}
    providers = tomllib.loads(PROVIDERS.read_text("utf-8"))["provider"]
    hosts = {host for provider in providers if provider["kind"] == "chat" for host in provider.get("hosts", {})}
    return sorted(hosts - measured)


def _hosted(*hosts: str) -> Callable[[Measured], bool]:
    return lambda row: row.observation.provider_host in hosts


GOOGLE_HOSTS = ("generativelanguage.googleapis.com",)
PLANS: Final = (
    FamilyPlan("pooled", teaches=lambda row: row.recorded or row.format not in ALONE, pooled=True),
    FamilyPlan("openai", ("api.openai.com",), (), _hosted("api.openai.com")),
    FamilyPlan("anthropic", ("api.anthropic.com",), (), _hosted("api.anthropic.com")),
    FamilyPlan(
        "google",
        GOOGLE_HOSTS,
        ("aiplatform.googleapis.com", "googleapis.com"),
        lambda row: row.observation.provider_host.endswith("googleapis.com"),
    ),
    FamilyPlan("mistral", ("api.mistral.ai",), ("mistral.ai",), _hosted("api.mistral.ai")),
    FamilyPlan("web_chat", ("chatgpt.com",), (), is_web_chat, plain_header_bytes=1100),
)


SELDOM_ELSEWHERE: Final = ("anthropic.messages", "openai.responses")
SELDOM_WEIGHT: Final = 0.15
"""For the pooled family's estimates, but not its intervals: formats that few hosts but their inventor's speak count
this much less."""
POOLED_RECORDED_WEIGHT: Final = 3.0
"""For the pooled family: real exchanges count this much more again, whatever their host."""


def weights_of(
    rows: Sequence[Measured],
    balance_hosts: bool = False,
    cassette_weight: float = CASSETTE_WEIGHT,
    seldom: float = SELDOM_WEIGHT,
) -> Array:
    """What each exchange counts. Many of one recorded conversation count little more than one."""
    conversations = Counter(row.conversation for row in rows)
    hosts = Counter(row.observation.provider_host for row in rows if not row.recorded)
    generated = sum(hosts.values())
    w = np.ones(len(rows))
    for i, row in enumerate(rows):
        if row.recorded:
            weight = RECORDED_WEIGHT if row.of_study else cassette_weight
            w[i] = weight * 2 / (1 + conversations[row.conversation] ** 0.5)
            if balance_hosts:
                w[i] *= POOLED_RECORDED_WEIGHT
        elif balance_hosts:
            w[i] = generated / len(hosts) / hosts[row.observation.provider_host]
            if row.format in SELDOM_ELSEWHERE:
                w[i] *= seldom
    return w


def folds_of(rows: Sequence[Measured], pooled: bool) -> Array:
    """A fold for each row, so that what is held out together is what errs together.

    Recordings other than the study's are held out a collection at a time, a generated exchange with its provider for
    the pooled family and everything else with its conversation.
    """
    fold = np.zeros(len(rows), dtype=int)
    groups = sorted({_group(row, pooled) for row in rows})
    names = sorted({row.conversation for row in rows})
    order = np.random.default_rng(7).permutation(len(names))
    place = {name: int(order[i]) % FOLDS for i, name in enumerate(names)}
    for i, row in enumerate(rows):
        group = _group(row, pooled)
        fold[i] = FOLDS + groups.index(group) if group else place[row.conversation]
    return fold


def _group(row: Measured, pooled: bool) -> str:
    if row.recorded and not row.of_study:
        return row.collection
    return row.observation.provider_host if pooled and not row.recorded else ""


def total_factor(truth: Array, guess: Array, rows: Sequence[Measured], w: Array) -> float:
    """What a median-fitted estimate must be multiplied by so that sums come out right."""
    generated = np.array([not row.recorded for row in rows])
    if generated.sum() < 10:
        return 1.0
    # One enormous exchange says little about the next hundred: the heaviest hundredth counts as the heaviest but those.
    cap = np.quantile(truth[generated], 0.99)
    weights = w[generated]
    ratio = (weights @ np.minimum(truth, cap)[generated]) / (weights @ np.minimum(guess, cap)[generated])
    return float(np.clip(ratio, 0.8, 1.35))

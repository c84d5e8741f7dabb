"""Fits the estimator, judges it on exchanges it did not see, and writes the coefficient file and the scores.

python -m bench.tokens.run            # scores only
python -m bench.tokens.run --write    # also src/toktra/catalogue/coefficients.toml and bench/tokens/scores.json
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.tokens.exchanges import load_all, without_images
from bench.tokens.fit import choose_overheads, fit
from bench.tokens.heldout import Judged, by_client, by_conversation, by_provider
from bench.tokens.plans import is_web_chat
from bench.tokens.scores import Score, scores, table
from bench.tokens.totals import totals_of
from bench.tokens.write import to_toml

VERSION: Final = "4"
ROOT: Final = Path(__file__).parents[2]
COEFFICIENTS: Final = ROOT / "src/toktra/catalogue/coefficients.toml"
SCORES: Final = Path(__file__).parent / "scores.json"
HELD_OUT: Final = Path(__file__).parent / "heldout.pickle"
"""Left for report.py; not kept in the repository."""
RECORDED_SEEDS: Final = (1, 2)
COPIED_FORMAT: Final = "openai.compatible"
EARLIER: Final = {"1": 3.0, "2": 1.5, "3": 1.2}
"""How much wider totals of estimates made by earlier versions are."""


def slices_of(
    conversations: Sequence[Judged], clients: Sequence[Judged], providers: Sequence[Judged]
) -> dict[str, Sequence[Judged]]:
    """The slices that are reported: recorded and generated always apart."""
    recorded = [one for one in conversations if one.row.of_study]
    cassettes = [one for one in conversations if one.row.recorded and not one.row.of_study]
    simulated = [one for one in conversations if one.row.source == "simulated"]
    api = [one for one in simulated if not is_web_chat(one.row)]
    slices: dict[str, Sequence[Judged]] = {
        "recorded": recorded,
        "recorded, 50 tokens and more in": [one for one in recorded if one.row.input_tokens >= 50],
        "recorded, 50 tokens and more out": [one for one in recorded if one.row.output_tokens >= 50],
        "cassettes": cassettes,
        "cassettes, 50 tokens and more out": [one for one in cassettes if one.row.output_tokens >= 50],
        "generated": simulated,
        "generated, APIs": api,
        "generated, web chats": [one for one in simulated if is_web_chat(one.row)],
        "generated, APIs, streamed": [one for one in api if one.row.streamed],
        "generated, APIs, not streamed": [one for one in api if not one.row.streamed],
    }
    workshop = [one for one in conversations if one.row.collection == "workshop"]
    slices["workshop"] = workshop
    slices["workshop, hidden reasoning"] = [one for one in workshop if one.row.hidden_output_tokens]
    for family in sorted({one.family for one in api}):
        slices[f"generated, {family}"] = [one for one in api if one.family == family]
    for name, held in (("client", clients), ("provider", providers)):
        slices[f"unseen {name}"] = held
        for key in sorted({one.held_out for one in held}):
            slices[f"unseen {name} {key}"] = [one for one in held if one.held_out == key]
    # What most providers that nobody measured will be: one more that copied OpenAI's interface.
    slices["unseen provider of OpenAI's interface"] = [one for one in providers if one.row.format == COPIED_FORMAT]
    return slices


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    rows = without_images(load_all())
    choose_overheads(rows)
    conversations = [
        one
        for seed in RECORDED_SEEDS
        for one in by_conversation(rows, seed)
        if one.row.recorded or seed == RECORDED_SEEDS[0]
    ]
    clients, providers = by_client(rows), by_provider(rows)
    found = scores(slices_of(conversations, clients, providers))
    print(table(found))
    HELD_OUT.write_bytes(pickle.dumps((conversations, clients, providers)))
    if chosen.write:
        tables = with_totals(fit(rows), conversations, clients, providers)
        COEFFICIENTS.write_text(to_toml({**about(len(rows), found), **tables}), "utf-8")
        SCORES.write_text(json.dumps({name: [asdict(one) for one in both] for name, both in found.items()}, indent=1))


def with_totals(
    tables: dict[str, Any], conversations: Sequence[Judged], clients: Sequence[Judged], providers: Sequence[Judged]
) -> dict[str, Any]:
    """The tables with how wrong each family's sums may be."""
    for family in tables["family"]:
        if "like" not in family:
            family["totals"] = totals_of(family["name"], conversations, clients, providers)
    return tables


def about(exchanges: int, found: dict[str, list[Score]]) -> dict[str, Any]:
    """What the file says of itself: version, date, data and held-out scores."""
    recorded = (found["recorded"][0].exchanges + found["cassettes"][0].exchanges) // len(RECORDED_SEEDS)
    shown = (
        "recorded",
        "recorded, 50 tokens and more out",
        "cassettes",
        "generated",
        "unseen client",
        "unseen provider",
        "unseen provider of OpenAI's interface",
    )
    return {
        "version": VERSION,
        "fitted_on": datetime.now(UTC).date().isoformat(),
        "data": f"{exchanges:,} exchanges, {recorded} of them recorded from real providers; bench/tokens/data",
        "earlier": EARLIER,
        "scores": {
            f"{one.side}, {name}": f"median error {one.median_error:.0f} %, sums of 100 off by {one.sum_bias:+.0f} %, "
            f"90 % intervals hold {one.coverage:.0f} %"
            for name in shown
            if name in found
            for one in found[name]
        },
    }


if __name__ == "__main__":
    main()

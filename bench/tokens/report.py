"""Draws the plots and writes the tables of docs/tokens.md from the held-out estimates `run.py` left behind.

python -m bench.tokens.run --write && python -m bench.tokens.report
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl  # type: ignore[import-not-found, unused-ignore]
import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.exchanges import load, without_images
from bench.tokens.heldout import Judged
from bench.tokens.plans import is_web_chat
from bench.tokens.run import HELD_OUT, ROOT, slices_of
from bench.tokens.scores import Score, scores, table
from bench.tokens.totals import SIDES, draws_of_whole_conversations, truth_and_guess

from toktra.catalogue.estimate import SHIPPED, estimate
from toktra.catalogue.uncertainty import Part, Range, input_range, output_range

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "toktra"
from matplotlib import pyplot as plt  # type: ignore[import-not-found, unused-ignore]  # noqa: E402

PAGE: Final = ROOT / "docs/tokens.md"
IMAGES: Final = ROOT / "docs/images/tokens"
INK, GENERATED, RECORDED = "#333333", "#7a9cc6", "#c4553b"
SUM_SIZES: Final = (10, 30, 100, 300, 1000)
DRAWS: Final = 300
RANGES: Final[dict[str, Callable[[Sequence[Part]], Range]]] = {"input": input_range, "output": output_range}
MOST_DOTS: Final = 700
OF_PROVIDER: Final = "unseen provider "
"""How the slices of single held-out providers are named; they have a table of their own."""
CHECK: Final = Path(__file__).parent / "check"
"""Exchanges no fit ever reads: every format and six clients, by the generator with another seed."""


def main() -> None:
    conversations, clients, providers = pickle.loads(HELD_OUT.read_bytes())
    IMAGES.mkdir(parents=True, exist_ok=True)
    found = scores(slices_of(conversations, clients, providers))
    draw_estimates(conversations)
    draw_coverage(found)
    sums = sums_held(conversations, clients, providers)
    draw_sums(conversations)
    text = PAGE.read_text("utf-8")
    text = between(
        text, "scores", table({name: both for name, both in found.items() if not name.startswith(OF_PROVIDER)})
    )
    text = between(text, "hosts", table({name: both for name, both in found.items() if name.startswith(OF_PROVIDER)}))
    text = between(text, "check", table(scores(checked())))
    PAGE.write_text(between(text, "sums", sums), "utf-8")


def checked() -> dict[str, Sequence[Judged]]:
    """The exchanges of the check directory by the shipped estimator, all together and by format."""
    rows = without_images(load(sorted(CHECK.glob("*.jsonl.gz"))))
    judged = [
        Judged(row, estimate(row.observation), SHIPPED.family(row.observation.provider_host).name, "check")
        for row in rows
    ]
    by_format = {name: [one for one in judged if one.row.format == name] for name in sorted({r.format for r in rows})}
    return {"all": judged, **by_format}


def between(text: str, name: str, content: str) -> str:
    """The page with what stands between two marks replaced."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content}\n{end}{after}"


def draw_estimates(judged: Sequence[Judged]) -> None:
    """Estimated over true tokens of every held-out exchange."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2))
    chance = np.random.default_rng(1)
    for axis, side in zip(axes, SIDES, strict=True):
        for rows, colour, label in (
            ([one for one in judged if not one.row.recorded and not is_web_chat(one.row)], GENERATED, "generated"),
            ([one for one in judged if one.row.recorded], RECORDED, "recorded"),
        ):
            truth, guess = truth_and_guess(rows, side)
            shown = chance.permutation(len(rows))[:MOST_DOTS]
            axis.scatter(truth[shown], guess[shown], s=5, alpha=0.5, color=colour, label=label, linewidths=0)
        axis.plot([1, 1e5], [1, 1e5], color=INK, linewidth=0.8)
        axis.set(
            xscale="log", yscale="log", xlabel=f"true {side} tokens", ylabel="estimated", xlim=(1, 6e4), ylim=(1, 6e4)
        )
        axis.legend(frameon=False, markerscale=3)
    save(figure, "estimates")


def draw_coverage(found: dict[str, list[Score]]) -> None:
    """How many of the 90 % intervals held the truth, by slice."""
    names = [name for name in found if not name.startswith(OF_PROVIDER)]
    figure, axis = plt.subplots(figsize=(9, 0.32 * len(names) + 1))
    places = np.arange(len(names))[::-1]
    for side, marker, colour in (("input", "o", GENERATED), ("output", "s", RECORDED)):
        values = [next(one.coverage for one in found[name] if one.side == side) for name in names]
        axis.scatter(values, places, marker=marker, color=colour, label=side, zorder=3)
    axis.axvspan(85, 95, color="#e8e8e8", zorder=0)
    axis.axvline(90, color=INK, linewidth=0.8)
    axis.set(yticks=places, yticklabels=names, xlim=(50, 100), xlabel="share of 90 % intervals that hold the truth, %")
    axis.legend(frameon=False, loc="lower left")
    save(figure, "coverage")


def draw_sums(judged: Sequence[Judged]) -> None:
    """How the error of a sum shrinks with the number of exchanges in it, and where it stops."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for axis, side in zip(axes, SIDES, strict=True):
        for rows, colour, label in (
            ([one for one in judged if not one.row.recorded], GENERATED, "generated"),
            ([one for one in judged if one.row.recorded], RECORDED, "recorded"),
        ):
            truth, guess = truth_and_guess(rows, side)
            errors = []
            for exchanges in SUM_SIZES:
                drawn = draws_of_whole_conversations(rows, exchanges, DRAWS, exchanges)
                errors.append(np.quantile([abs(guess[p].sum() / truth[p].sum() - 1) for p in drawn], 0.9) * 100)
            axis.plot(SUM_SIZES, errors, marker="o", color=colour, label=label)
        axis.set(xscale="log", yscale="log", xlabel=f"exchanges in the sum ({side})", ylim=(1, 500))
        axis.legend(frameon=False)
    axes[0].set_ylabel("90 % of sums are off by less than, %")
    save(figure, "sums")


def save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def sums_held(conversations: Sequence[Judged], clients: Sequence[Judged], providers: Sequence[Judged]) -> str:
    """A table: how often the range of a total held the true total."""
    lines = ["| sums of 100 exchanges | side | ranges that held the truth | median high / low |", "|---|---|--:|--:|"]
    for name, judged in {
        "recorded": [one for one in conversations if one.row.of_study],
        "cassettes": [one for one in conversations if one.row.recorded and not one.row.of_study],
        "generated": [one for one in conversations if one.row.source == "simulated"],
        "unseen client": clients,
        "unseen provider": providers,
    }.items():
        for side in SIDES:
            held, ratios = zip(*(_held(judged, places, side) for places in drawn(judged)), strict=True)
            lines.append(f"| {name} | {side} | {100 * np.mean(held):.0f} % | {np.median(ratios):.2f} |")
    return "\n".join(lines) + "\n"


def drawn(judged: Sequence[Judged]) -> Sequence[Any]:
    return draws_of_whole_conversations(judged, 100, DRAWS, 11)


def _held(judged: Sequence[Judged], places: Any, side: str) -> tuple[bool, float]:
    """Whether the range of one drawn sum held the truth, and its high over its low."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    truth = 0
    for place in places:
        one = judged[place]
        # A held-out provider is answered by the pooled family, so its total is that family's too.
        host = "unknown.example" if one.family == "pooled" else one.row.observation.provider_host
        of_host = sums[host]
        of_host[0] += 1
        of_host[1] += one.estimate.input_tokens
        of_host[2] += one.estimate.output_tokens
        truth += one.row.input_tokens if side == "input" else one.row.output_tokens
    found = RANGES[side](
        [Part(provider_host=host, exchanges=n, input_tokens=i, output_tokens=o) for host, (n, i, o) in sums.items()]
    )
    return found.low <= truth <= found.high, found.high / max(1, found.low)


if __name__ == "__main__":
    main()

"""Fits every family's tables from measured exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.tokens.exchanges import Measured
from bench.tokens.fit_input import fit_input
from bench.tokens.fit_output import FEWEST_ROWS, SHAPE, TooFew, fit_streamed, fit_whole
from bench.tokens.headers import fit_header
from bench.tokens.plans import AZURE_SUFFIXES, PLANS, FamilyPlan, chat_hosts

_UNJUDGED: Final = {"input_shared": 0.5, "input_own": 0.5, "output_shared": 0.5, "output_own": 2.0}
UNJUDGED: Final = {"short": _UNJUDGED, "long": _UNJUDGED}
STREAMED_OVERHEADS: Final = [(b, s) for b in (0, 300, 700, 1200, 2000) for s in (0, 1)]
WHOLE_OVERHEADS: Final = [(0, 0), (450, 0), (900, 0), (900, 450), (1200, 700), (500, 250)]
REGIMES: Final = (("streamed", fit_streamed, STREAMED_OVERHEADS), ("whole", fit_whole, WHOLE_OVERHEADS))


def fit_family(
    plan: FamilyPlan,
    rows: Sequence[Measured],
    header: Mapping[str, Any],
    pooled: Mapping[str, Any] | None,
    choices: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One family's tables, and the overheads that did best where none were given."""
    taught = [row for row in rows if plan.teaches(row)]
    plain = {"plain_header_bytes": plan.plain_header_bytes} if plan.plain_header_bytes is not None else {}
    header = plain or header
    family: dict[str, Any] = {
        "name": plan.name,
        "hosts": list(plan.hosts),
        "suffixes": list(plan.suffixes),
        **plain,
        **SHAPE,
    }
    for name, first in (("first_input", True), ("later_input", False)):
        part = [row for row in taught if row.observation.first_on_connection == first]
        family[name] = (
            fit_input(part, header, plan.pooled, pooled[name] if pooled and plan.name != "web_chat" else None)
            if len(part) >= FEWEST_ROWS
            else family["first_input"]
        )
    chosen = {}
    for regime, fit_regime, overheads in REGIMES:
        options = [choices[regime]] if choices else overheads
        drawn = pooled[regime] if pooled and plan.name != "web_chat" else None
        try:
            tried = {option: fit_regime(taught, header, option, plan.pooled, drawn) for option in options}
        except TooFew:
            if pooled is None:
                raise
            family[regime], chosen[regime] = pooled[regime], (0, 0)
            continue
        chosen[regime] = min(tried, key=lambda option: tried[option].loss)
        family[regime] = tried[chosen[regime]].table
    return family, chosen


_overheads: dict[str, dict[str, tuple[int, int]]] = {}


def choose_overheads(rows: Sequence[Measured]) -> None:
    """Settles which part of a response holds no tokens, family by family, so that held-out fits need not search."""
    header = fit_header(rows)
    pooled: dict[str, Any] | None = None
    for plan in PLANS:
        family, _overheads[plan.name] = fit_family(plan, rows, header, pooled, None)
        pooled = pooled or family


def fit(rows: Sequence[Measured]) -> dict[str, Any]:
    """Every table from the given exchanges, as `build_coefficients` reads them. Totals are added by whoever judges."""
    header = fit_header(rows)
    families: list[dict[str, Any]] = []
    for plan in PLANS:
        if plan.hosts and not any(plan.teaches(row) and not row.recorded for row in rows):
            continue  # nothing to learn from: the pooled family answers
        family, _ = fit_family(plan, rows, header, families[0] if families else None, _overheads.get(plan.name))
        families.append({**family, "totals": UNJUDGED})
    families += [
        {"name": "azure_openai", "like": "openai", "widen": 1.3, "hosts": [], "suffixes": list(AZURE_SUFFIXES)},
        {"name": "other_web_chat", "like": "web_chat", "widen": 1.6, "hosts": list(chat_hosts()), "suffixes": []},
    ]
    known = {family["name"] for family in families}
    return {"header": header, "family": [one for one in families if one.get("like", one["name"]) in known]}

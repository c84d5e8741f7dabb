"""The estimator's tables as the browser extension reads them, for machines without an agent.

A browser cannot tell which request opened a connection, so all count as later ones. It estimates points, and the range
of a day's total: it gets the middles of the curves for later requests, and the reaches of totals.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from math import asinh, log
from typing import Any, Final

from toktra.catalogue.coefficients import BODY_SCALE_BYTES

REACHES: Final = ("input_shared", "input_own", "output_shared", "output_own")
Table = dict[str, Any]


def browser_tables() -> Table:
    """What scripts/build_extension.py writes into the extension."""
    tables = tomllib.loads((files(__package__) / "coefficients.toml").read_text("utf-8"))
    families: dict[str, Table] = {}
    for row in tables["family"]:
        families[row["name"]] = _likeness(row, families) if "like" in row else _family(row)
    header = tables["header"]
    return {
        "version": tables["version"],
        "fill_bytes": header["fill_bytes"],
        "header_low": header["later"]["joined_low"],
        "header_high": header["later"]["joined_high"],
        "families": families,
    }


def _family(row: Table) -> Table:
    streamed, whole = row["streamed"], row["whole"]
    return {
        "hosts": row["hosts"],
        "suffixes": row["suffixes"],
        "plain_header_bytes": row.get("plain_header_bytes"),
        "streamed_segments": row["streamed_segments"],
        "streamed_bytes_per_segment": row["streamed_bytes_per_segment"],
        "input": _curve(_sizes(row["later_input"]["body_bytes"]), row["later_input"]["tokens"]),
        "streamed": {
            "overhead_bytes": streamed["overhead_bytes"],
            "overhead_segments": streamed["overhead_segments"],
            **_situations(_logs(streamed["bytes_per_segment"]), streamed, "tokens_per_segment"),
            "size": _curve(_logs(streamed["segments"]), streamed["size_factor"]),
            "context": _context(streamed),
            "grid": {
                "down": _logs(streamed["grid"]["bytes_per_segment"]),
                "across": _logs(streamed["grid"]["segments"]),
                "values": [_logs(line) for line in streamed["grid"]["factors"]],
            },
        },
        "whole": {
            "overhead_bytes": whole["overhead_bytes"],
            **_situations(_sizes(whole["body_bytes"]), whole, "tokens"),
            "context": _context(whole),
        },
        "totals": {length: [row["totals"][length][name] for name in REACHES] for length in ("short", "long")},
    }


def _likeness(row: Table, known: dict[str, Table]) -> Table:
    """Borrows the tables of another family, with wider totals."""
    family = known[row["like"]]
    totals = {length: [row["widen"] * reach for reach in reaches] for length, reaches in family["totals"].items()}
    return family | {"hosts": row["hosts"], "suffixes": row.get("suffixes", []), "totals": totals}


def _situations(at: list[float], table: Table, name: str) -> Table:
    return {"at": at, "short": _logs(table["short"][name]), "long": _logs(table["long"][name])}


def _context(table: Table) -> Table:
    return _curve(_sizes(table["request_body_bytes"]), table["context_factor"])


def _curve(at: list[float], values: list[float]) -> Table:
    return {"at": at, "values": _logs(values)}


def _sizes(body_bytes: list[float]) -> list[float]:
    return [asinh(x / BODY_SCALE_BYTES) for x in body_bytes]


def _logs(values: list[float]) -> list[float]:
    return [log(value) for value in values]

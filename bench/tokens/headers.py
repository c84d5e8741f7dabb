"""What a request carries besides its body, told from how many segments it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.exchanges import Measured
from bench.tokens.plans import CASSETTE_INPUT_WEIGHT, is_web_chat, weights_of
from bench.tokens.regression import quantile_fit

from toktra.catalogue.coefficients import BODY_SCALE_BYTES, HeaderRow
from toktra.catalogue.estimate import LONG_BODY

FEWEST_OF_CLASS: Final = 25
FILL_BYTES: Final = 700
ACKNOWLEDGEMENT_BYTES: Final = 34
HEADER_CLASSES: Final = HeaderRow.__slots__


def header_class(row: Measured) -> tuple[str, str, int]:
    """When, which row of the header table, and how many acknowledgements: as `estimate.header_bytes` reads them."""
    o = row.observation
    extra = o.segments_out - -(-o.request_bytes // 1448) - (1 if o.first_on_connection else 0)
    fill = o.request_bytes % 1448
    if extra >= 2:
        acks = min(extra - 1, o.request_bytes // (4 * ACKNOWLEDGEMENT_BYTES))
        return ("first" if o.first_on_connection else "later", "framed", acks)
    kind = "split" if extra == 1 else "joined"
    return ("first" if o.first_on_connection else "later", f"{kind}_{'low' if fill < FILL_BYTES else 'high'}", 0)


def fit_header(rows: Sequence[Measured]) -> dict[str, Any]:
    """Header bytes by class, together with bytes per token by host."""
    used = [row for row in rows if not is_web_chat(row) and row.input_tokens > 0]
    classes = [f"{when}.{kind}" for when in ("first", "later") for kind in HEADER_CLASSES]
    groups = sorted({("recorded" if row.recorded else row.observation.provider_host) for row in used})
    design = np.zeros((len(used), len(classes) + len(groups)))
    y = np.zeros(len(used))
    scale = np.zeros(len(used))
    for i, row in enumerate(used):
        when, kind, acks = header_class(row)
        design[i, classes.index(f"{when}.{kind}")] = 1
        group = "recorded" if row.recorded else row.observation.provider_host
        design[i, len(classes) + groups.index(group)] = row.input_tokens
        y[i] = row.observation.request_bytes - ACKNOWLEDGEMENT_BYTES * acks
        scale[i] = 1 / (row.input_tokens + 100)
    # A weak pull of every class to a plain header keeps an empty class sane.
    penalty = np.zeros((len(classes), design.shape[1]))
    penalty[:, : len(classes)] = 0.002 * np.eye(len(classes))
    found = quantile_fit(
        design * scale[:, None], y * scale, weights_of(used, cassette_weight=CASSETTE_INPUT_WEIGHT), 0.5, penalty
    )
    header: dict[str, Any] = {"fill_bytes": FILL_BYTES, "acknowledgement_bytes": ACKNOWLEDGEMENT_BYTES}
    for when in ("first", "later"):
        seen = {kind: float(found[classes.index(f"{when}.{kind}")]) for kind in HEADER_CLASSES}
        typical = np.average(list(seen.values()), weights=[design[:, classes.index(f"{when}.{k}")].sum() for k in seen])
        header[when] = {
            kind: round(value if design[:, classes.index(f"{when}.{kind}")].sum() >= FEWEST_OF_CLASS else typical)
            for kind, value in seen.items()
        }
    return header


def body_bytes(header: Mapping[str, Any], row: Measured) -> float:
    """Bytes of the request that are its body."""
    if "plain_header_bytes" in header:
        return float(row.observation.request_bytes - header["plain_header_bytes"])
    when, kind, acks = header_class(row)
    return float(row.observation.request_bytes - header[when][kind] - acks * ACKNOWLEDGEMENT_BYTES)


def context_of(header: Mapping[str, Any], row: Measured) -> float:
    """The request's body size as an answer's curves see it; a first request says nothing about its answer."""
    if row.observation.first_on_connection:
        return LONG_BODY
    return float(np.arcsinh(body_bytes(header, row) / BODY_SCALE_BYTES))

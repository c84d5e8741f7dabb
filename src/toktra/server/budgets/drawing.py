"""A budget as a bar: spent to the low end and on to the high end, thresholds, the amount, and the forecast."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from toktra.server.budgets.standing import Standing

_ROOM: Final = 1.23
"""The bar goes on behind the amount, so that passing it can be seen."""


def meter(found: Standing) -> Markup:
    """Every figure of it stands beside it as text."""
    amount, spent = float(found.version.amount), found.spent.interval
    most = max(amount * _ROOM, spent.high * 1.02, found.forecast.total.high * 1.02 if found.forecast else 0.0)

    def at(value: float) -> str:
        return f"{min(100.0, value / most * 100):.1f}%"

    parts = [
        f'<rect class="m-track" y="10" width="{at(amount)}" height="14"/>',
        f'<rect class="m-over" x="{at(amount)}" y="10" width="{at(most - amount)}" height="14"/>',
        f'<rect class="m-spent" y="10" width="{at(spent.low)}" height="14"/>',
        f'<rect class="m-spent-r" x="{at(spent.low)}" y="10" width="{at(spent.high - spent.low)}" height="14"/>',
    ]
    for threshold in found.version.thresholds:
        x = at(amount * threshold / 100)
        if threshold < 100 and amount * threshold / 100 <= most:
            parts.append(f'<line class="m-th" x1="{x}" x2="{x}" y1="6" y2="28"/>{_label(x, threshold)}')
    x = at(amount)
    parts.append(f'<line class="m-lim" x1="{x}" x2="{x}" y1="4" y2="28"/>{_label(x, 100)}')
    if found.forecast:
        low, high = at(found.forecast.total.low), at(found.forecast.total.high)
        middle = at((found.forecast.total.low + found.forecast.total.high) / 2)
        parts.append(f'<line class="m-fc" x1="{low}" x2="{high}" y1="17" y2="17"/>')
        parts += [f'<line class="m-fc" x1="{end}" x2="{end}" y1="12" y2="22"/>' for end in (low, high)]
        parts.append(f'<circle class="m-fc-b" cx="{middle}" cy="17" r="3.5"/>')
    drawn = "".join(parts)
    return Markup(f'<svg class="meter__g" aria-hidden="true" focusable="false">{drawn}</svg>')  # noqa: S704 - numbers


def _label(x: str, per_cent: int) -> str:
    return f'<text x="{x}" y="40" text-anchor="middle">{per_cent} %</text>'

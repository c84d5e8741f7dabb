"""The copy as one page that anybody can read: it needs no other file, no script and no network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from toktra.catalogue.uncertainty import Part, input_range, output_range
from toktra.server.usage.totals import HostDay
from toktra.server.web import figures
from toktra.server.web.language import _
from toktra.server.web.templates import render

if TYPE_CHECKING:
    from toktra.server.rights.copies.gathering import Gathered

_STYLE: Final = "".join(
    (files("toktra.compliance") / name).read_text("utf-8") for name in ("document.css", "screen.css")
)
_LEAST_DAYS: Final = 28
_MOST_DAYS: Final = 120
_HEIGHT: Final = 160


def page_of(**told: Any) -> str:
    """The page; `told` is what its template names."""
    told["sheet"] = Markup(told["sheet"])  # noqa: S704 - our own rendering, escaped there
    return render("rights/copy.html", style=Markup(_STYLE), **told)  # noqa: S704 - our own style sheet


def chart_of(days: Sequence[HostDay]) -> Markup | None:
    """Tokens a day as ranges, for the newest days; None when there were none."""
    if not days:
        return None
    of_day: dict[date, list[HostDay]] = defaultdict(list)
    for use in days:
        of_day[use.day].append(use)
    last = max(of_day)
    first = min(max(min(of_day), last - timedelta(days=_MOST_DAYS - 1)), last - timedelta(days=_LEAST_DAYS - 1))
    shown = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    ranges = [_tokens(of_day.get(day, [])) for day in shown]
    top = max(high for _low, high in ranges) or 1.0
    wide = 1000 / len(shown)
    bars = "".join(
        f'<rect x="{place * wide + wide * 0.15:.2f}" y="{_HEIGHT - high / top * _HEIGHT:.2f}" width="{wide * 0.7:.2f}" '
        f'height="{max((high - low) / top * _HEIGHT, 1.5):.2f}" fill="#126f7e"/>'
        for place, (low, high) in enumerate(ranges)
        if high > 0
    )
    summary = _("Estimated tokens a day, %(days)s, as ranges. Most on one day: up to %(top)s.") % {
        "days": figures.days(first, last),
        "top": figures.count(round(top)),
    }
    return Markup(  # noqa: S704 - numbers and our own words
        f'<svg viewBox="0 0 1000 {_HEIGHT + 2}" role="img" aria-label="{summary}" width="100%" height="180" '
        f'preserveAspectRatio="none">{bars}<rect x="0" y="{_HEIGHT}" width="1000" height="1" fill="#7b898d"/></svg>'
        f"<p>{summary}</p>"
    )


def shares_of(gathered: Gathered) -> Markup | None:
    """Estimated tokens by provider as ranges on one scale, with names; None where there is nothing to draw."""
    lines = gathered.projection.providers if gathered.projection else ()
    top = max((line.tokens.high for line in lines), default=0.0)
    if not top:
        return None
    rows = "".join(
        f'<text x="0" y="{place * 36 + 14}" font-size="14" fill="currentColor">{escape(line.name)}</text>'
        f'<rect x="0" y="{place * 36 + 20}" width="1000" height="1" fill="#7b898d"/>'
        f'<rect x="{line.tokens.low / top * 1000:.2f}" y="{place * 36 + 19}" '
        f'width="{max((line.tokens.high - line.tokens.low) / top * 1000, 3):.2f}" height="8" fill="#126f7e"/>'
        for place, line in enumerate(lines)
    )
    summary = _("Estimated tokens by provider, as ranges. The longest ends at %(top)s.") % {
        "top": figures.count(round(top))
    }
    return Markup(  # noqa: S704 - numbers, escaped names and our own words
        f'<svg viewBox="0 0 1000 {len(lines) * 36}" role="img" aria-label="{summary}" width="100%">{rows}</svg>'
        f"<p>{summary}</p>"
    )


def _tokens(uses: Sequence[HostDay]) -> tuple[float, float]:
    parts = [
        Part(
            provider_host=use.provider_host,
            exchanges=use.exchanges,
            input_tokens=use.input_tokens,
            output_tokens=use.output_tokens,
            estimator_version=use.estimator_version,
        )
        for use in uses
    ]
    if not parts:
        return 0.0, 0.0
    into, out = input_range(parts), output_range(parts)
    return into.low + out.low, into.high + out.high

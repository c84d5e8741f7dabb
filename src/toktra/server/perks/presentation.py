"""How the sums of Token Perks are written: ranges that hold the noise, and a trend that takes no noise for news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from toktra.server.costs.ranges import Interval
from toktra.server.perks.aggregates import Counted, redeemed
from toktra.server.web import figures
from toktra.server.web.language import _
from toktra.wire.personal import Redemptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """One line of the table of redemptions."""

    month: str
    tier: str
    tickets: str
    """Empty: fewer than ten people."""
    trend: str


def month_rows(published: Redemptions, counts: list[Counted]) -> list[MonthRow]:
    """Newest first; the trend is against the same tier a month earlier, where both are shown."""
    rows = redeemed(published, counts)
    shown = {(row.month, row.tier): Interval(row.low, row.high) for row in rows if row.is_shown}
    return [
        MonthRow(
            month=figures.month_of_year(row.month),
            tier=row.name,
            tickets=figures.tokens(shown[row.month, row.tier]) if row.is_shown else "",
            trend=_trend(shown, row.month, row.tier),
        )
        for row in rows
    ]


def said(word: str) -> str:
    """What was just done, in a sentence."""
    return {
        "on": _("Token Perks is on. Who is invited can take part from now on."),
        "off": _("Token Perks is off. No more tickets are issued; nobody’s records were touched."),
        "tier": _("The tier is offered."),
        "tier-ended": _("The tier has ended, and so have the invitations to it."),
        "invited": _("They are invited."),
        "withdrawn": _("The invitation is withdrawn. Who took part already goes on."),
    }.get(word, "")


def _trend(shown: dict[tuple[date, str], Interval], month: date, tier: str) -> str:
    before = date(month.year - (month.month == 1), month.month - 1 or 12, 1)
    if (month, tier) not in shown or (before, tier) not in shown:
        return ""
    return str(figures.change(shown[month, tier], shown[before, tier]).words)

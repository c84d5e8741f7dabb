"""The page "Reconciliation" in words: both numbers of each provider, what they rest on, and the days behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from typing import Final

from toktra.server.reconciliation.method import Evidence, Factor, Finding, Fit, Share
from toktra.server.reconciliation.service import ConnectedApi, DayCoverage, Findings
from toktra.server.web import figures
from toktra.server.web.language import _, ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One line of the table."""

    day: date
    billed: str
    seen: str
    coverage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One connected provider."""

    of: ConnectedApi
    factor_input: str
    factor_output: str
    """Empty while nothing is known, or nothing applies."""
    coverage: str
    rests_on: str
    verdict: str
    """What the two numbers say together, in a sentence."""
    is_warning: bool
    days: list[Day]


_VERDICTS: Final = {
    Fit.MORE_SEEN_THAN_BILLED: _(
        "Devices saw more than this account was billed. They also use other accounts here, such as personal keys or "
        "plans, or the key is another organisation’s. No estimate is corrected."
    ),
    Fit.TOO_FAR_APART: _(
        "Input and output differ from the bill by amounts that no estimate is off by. No estimate is corrected."
    ),
}


def accounts(connected: Sequence[ConnectedApi], findings: Findings, first: date, today: date) -> list[Account]:
    """Every connected provider, as of today."""
    return [
        _account(one, findings(one.provider_id, today), findings.days(one.provider_id, first, today))
        for one in connected
    ]


def percents(share: Share) -> str:
    """64–71 %, rounded away from each other; never more than 100."""
    low, high = floor(share.low * 100), min(100, ceil(share.high * 100))
    return f"{low}{figures.NBSP}%" if low == high else f"{low}–{high}{figures.NBSP}%"


def factor(of: Factor) -> str:
    """× 0.97–1.04."""
    low, high = figures.decimal(of.low, 2), figures.decimal(of.high, 2)
    return f"×{figures.NBSP}{low}" if low == high else f"×{figures.NBSP}{low}–{high}"


def _account(one: ConnectedApi, finding: Finding | None, days: Sequence[DayCoverage]) -> Account:
    applies = finding is not None and finding.applies
    return Account(
        of=one,
        factor_input=factor(finding.input) if finding and applies else "",
        factor_output=factor(finding.output) if finding and applies else "",
        coverage=percents(finding.coverage) if finding and applies else "",
        rests_on=_rests_on(finding),
        verdict=_verdict(finding),
        is_warning=finding is not None and not applies,
        days=[_day(day) for day in reversed(days)],
    )


def _rests_on(finding: Finding | None) -> str:
    if finding is None:
        return _("No day yet on which both the provider billed and a device saw use.")
    return ngettext("From %(n)s day, %(days)s.", "From %(n)s days, %(days)s.", finding.days) % {
        "n": finding.days,
        "days": figures.days(finding.first, finding.last),
    }


def _verdict(finding: Finding | None) -> str:
    if finding is None:
        return ""
    if not finding.applies:
        return _VERDICTS[finding.fit]
    if finding.complete >= 0.5:
        return _(
            "Input and output agree with the bill: nothing seems to be missing. The factor corrects the estimates."
        )
    return _(
        "Input and output are short of the bill alike, so use is missing: servers, or devices that are not enrolled. "
        "It is shown as coverage and not filled in; the factor corrects only what was seen."
    )


def _day(one: DayCoverage) -> Day:
    evidence: Evidence = one.evidence
    in_and_out = _("%(input)s in, %(output)s out")
    return Day(
        day=evidence.day,
        billed=in_and_out
        % {"input": figures.count(evidence.billed_input), "output": figures.count(evidence.billed_output)},
        seen=in_and_out % {"input": _estimate(evidence.seen_input), "output": _estimate(evidence.seen_output)}
        if evidence.seen_exchanges
        else _("nothing"),
        coverage=percents(one.coverage) if one.coverage else "–",
    )


def _estimate(tokens: int) -> str:
    return f"≈{figures.NBSP}{figures.count(tokens)}"

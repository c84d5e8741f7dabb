"""The form of cost centres checked, so that a wrong field is named and nothing half right is stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from toktra.server.costs.assumptions import Assumptions, CostCentre, Kind
from toktra.server.costs.entering import EARLIEST, FURTHEST, Entered, InvalidAssumption
from toktra.server.web.language import _

_CODE: Final = re.compile(r"[\w.,/ -]{1,40}")


def entered(fields: Mapping[str, str], departments: Collection[str], assumptions: Assumptions, today: date) -> Entered:
    """Fields: department, code, name, month; do=end takes the cost centre back. Raises InvalidAssumption."""
    department = fields.get("department", "")
    if department not in departments:
        raise InvalidAssumption("department", _("Choose a department. Nobody is in the one you named."))
    first = _month(fields, today)
    if fields.get("do") == "end":
        if assumptions.cost_centre(department, first) is None:
            raise InvalidAssumption("department", _("It has no cost centre in that month, so there is none to end."))
        return Entered(Kind.COST_CENTRE, department, first, None)
    code, name = fields.get("code", "").strip(), " ".join(fields.get("name", "").split())
    if not _CODE.fullmatch(code):
        raise InvalidAssumption("code", _("Give its code: up to 40 letters, digits and . , / -"))
    if len(name) > 100 or not name.isprintable():
        raise InvalidAssumption("name", _("Give a name of at most 100 characters, or leave it empty."))
    return Entered(Kind.COST_CENTRE, department, first, CostCentre(code, name))


def _month(fields: Mapping[str, str], today: date) -> date:
    text = fields.get("month", "").strip()
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        first = date.min
    if not EARLIEST <= first <= today + FURTHEST:
        raise InvalidAssumption(
            "month", _("Give a month as year-month, such as 2026-11. Cost centres change with a month.")
        )
    return first

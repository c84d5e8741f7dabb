"""What a notice says about one organisation: typed, checked, and refused by name when it cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from toktra.compliance.keeping import BOUNDS, DaysOutOfBounds, Kind, check_days

Text = Annotated[str, Meta(min_length=1, max_length=400)]
Days = Annotated[int, Meta(ge=1, le=4000)]

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


class InvalidVariable(ValueError):
    """A variable is unknown, missing or cannot be. `variable` names it."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")
        self.variable = variable


class Variables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a text may name. What is None has no answer yet and stays a visible gap in the text."""

    organisation: Annotated[str, Meta(min_length=1, max_length=200)]
    """The controller's name."""
    address: Text | None = None
    """Its postal address."""
    contact: Text | None = None
    """Where people turn with questions and requests."""
    officer: Text | None = None
    """The data protection officer and how to reach them."""
    authority: Text | None = None
    """The supervisory authority people may complain to."""
    works_council: Text | None = None
    """Who represents the employees."""
    operator: Text | None = None
    """Who runs the server on the organisation's behalf, by name."""
    region: Literal["eu", "us", "au", "ca", "local"] = "local"
    """Where the data stays. local: on the organisation's own machine."""
    attribution: Literal["person", "department", "organisation"] = "person"
    """How finely use is attributed."""
    event_days: Days = BOUNDS[Kind.EVENTS].default
    sum_days: Days = BOUNDS[Kind.SUMS].default
    request_days: Days = BOUNDS[Kind.REQUESTS].default
    audit_days: Days = BOUNDS[Kind.AUDIT].default
    effective_on: date | None = None
    """From when it holds."""


VARIABLES: Final = Variables.__struct_fields__


_KEPT: Final = {
    "event_days": Kind.EVENTS,
    "sum_days": Kind.SUMS,
    "request_days": Kind.REQUESTS,
    "audit_days": Kind.AUDIT,
}


def read_variables(given: Mapping[str, Any]) -> Variables:
    """Raises InvalidVariable naming the first that is unknown, missing or out of bounds."""
    unknown = [name for name in given if name not in VARIABLES]
    if unknown:
        raise InvalidVariable(unknown[0], f"there is no such variable. Variables: {', '.join(VARIABLES)}")
    cleaned = {name: _plain(name, value) for name, value in given.items() if value is not None}
    try:
        variables = msgspec.convert(cleaned, Variables, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        if missing := re.search(r"missing required field `(\w+)`", reason):
            raise InvalidVariable(missing[1], "is missing") from None
        raise InvalidVariable(path.rstrip("`"), re.sub("^E", "e", reason)) from None
    for name, kind in _KEPT.items():
        try:
            check_days(kind, getattr(variables, name))
        except DaysOutOfBounds as error:
            raise InvalidVariable(name, str(error)) from None
    return variables


def _plain(name: str, value: Any) -> Any:
    """Texts without the space around them; a line break or control character would change the text around it."""
    if not isinstance(value, str):
        return value
    if _UNPRINTABLE.search(value):
        raise InvalidVariable(name, "must be on one line, without control characters")
    return value.strip()

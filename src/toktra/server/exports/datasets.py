"""What can be exported, column by column. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from toktra.server.web.language import _

SCHEMA_VERSION: Final = "1"
"""Stands in every row. Grows when a column changes its meaning or goes; new columns are added at the end."""


class Dataset(StrEnum):
    """As it stands in addresses and file names."""

    EVENTS = "events"
    DAILY = "daily"
    COSTS = "costs"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    DAY = "day"
    NUMBER = "number"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `says` is its line in the documentation."""

    name: str
    kind: Kind
    says: str


_SCHEMA: Final = Column("schema_version", Kind.TEXT, _("Version of this layout"))
_DAY: Final = Column("day", Kind.DAY, _("Day of the use (UTC)"))
_HOST: Final = Column("provider_host", Kind.TEXT, _("Server name of the provider"))
_DEPARTMENT: Final = Column("department", Kind.TEXT, _("Empty where fewer than five people would stand behind it"))
_VERSION: Final = Column("estimator_version", Kind.TEXT, _("Version of the estimator that made the tokens"))
_SENT: Final = Column("request_bytes", Kind.NUMBER, _("Bytes sent, counted"))
_RECEIVED: Final = Column("response_bytes", Kind.NUMBER, _("Bytes received, counted"))
_REPORTED: Final = Column("devices_reported", Kind.NUMBER, _("Devices that reported on that day"))
_ENROLLED: Final = Column("devices_enrolled", Kind.NUMBER, _("Devices that were enrolled on that day"))

COLUMNS: Final[dict[Dataset, tuple[Column, ...]]] = {
    Dataset.EVENTS: (
        _SCHEMA,
        _DAY,
        _HOST,
        _DEPARTMENT,
        _SENT,
        _RECEIVED,
        Column("estimated_input_tokens", Kind.NUMBER, _("0 when the record continues an exchange already counted")),
        Column("estimated_output_tokens", Kind.NUMBER, _("Visible output; hidden reasoning is not seen")),
        _VERSION,
        _REPORTED,
        _ENROLLED,
    ),
    Dataset.DAILY: (
        _SCHEMA,
        _DAY,
        _HOST,
        _DEPARTMENT,
        Column("exchanges", Kind.NUMBER, _("Requests with their responses, counted")),
        _SENT,
        _RECEIVED,
        Column("input_tokens", Kind.NUMBER, _("Sum of the estimates")),
        Column("output_tokens", Kind.NUMBER, _("Sum of the estimates of visible output")),
        _VERSION,
        _REPORTED,
        _ENROLLED,
    ),
}
"""Costs follow FOCUS, whose columns are in `focus`."""

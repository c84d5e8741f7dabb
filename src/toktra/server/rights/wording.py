"""What people write into forms about requests: plain text within bounds, or a sentence that says what is wrong."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from toktra.server.web.language import _

MOST_DETAILS: Final = 2000
LEAST_REASON: Final = 10
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


class Field(StrEnum):
    """What a form about requests asks for."""

    PERSON = "person"
    KIND = "kind"
    REGULATION = "regulation"
    RECEIVED = "received"
    DETAILS = "details"
    REASON = "reason"


class InvalidRequest(ValueError):
    """A request or a decision about one that cannot be. `reason` says why and what to do; nothing was changed."""

    def __init__(self, field: Field, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def plain_words(text: str, field: Field, *, least: int = 0, most: int = MOST_DETAILS) -> str:
    """The text without spaces around. Raises InvalidRequest."""
    words = text.replace("\r\n", "\n").strip()
    if _CONTROL.search(words) or not least <= len(words) <= most:
        raise InvalidRequest(
            field, _("Write %(least)s to %(most)s characters of plain text.") % {"least": max(least, 1), "most": most}
        )
    return words

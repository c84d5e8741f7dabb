"""Enrolment codes: "<organisation>-xxxx-xxxx-xxxx", 60 random bits behind the organisation's short name.

Letters and digits are those of Crockford's base 32, which has no two that look alike; what people misread is put right
before it is looked up.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD: Final = str.maketrans({"o": "0", "i": "1", "l": "1"})
_GROUPS: Final = 3
_GROUP_LENGTH: Final = 4


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A code as it is shown once; the database holds `hash` alone."""

    slug: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.slug}-{self.secret}"

    @property
    def hash(self) -> bytes:
        """SHA-256 of the whole code."""
        return hashlib.sha256(str(self).encode()).digest()

    @classmethod
    def new(cls, slug: str) -> EnrolmentCode:
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
        return cls(slug, "-".join(groups))

    @classmethod
    def parse(cls, text: str) -> EnrolmentCode | None:
        """The code a text stands for, as people type it; None for anything that cannot be one."""
        slug, *groups = text.strip().lower().rsplit("-", _GROUPS)
        groups = [group.translate(_MISREAD) for group in groups]
        if not slug or len(groups) != _GROUPS:
            return None
        if any(len(group) != _GROUP_LENGTH or not set(group) <= set(_ALPHABET) for group in groups):
            return None
        return cls(slug, "-".join(groups))

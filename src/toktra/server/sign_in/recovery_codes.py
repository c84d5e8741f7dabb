"""Recovery codes: 80 random bits each, shown once, kept as hashes, each good for one sign-in."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

HOW_MANY: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no two look alike."""
_MISREAD: Final = str.maketrans({"o": "0", "i": "1", "l": "1"})
_GROUPS: Final = 4
_GROUP_LENGTH: Final = 4


def new_codes() -> list[str]:
    """Ten codes, as they are shown: xxxx-xxxx-xxxx-xxxx."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(HOW_MANY)]


def hash_of(code: str) -> bytes | None:
    """The hash of a code as people type it; None for anything that cannot be one. 80 random bits need no slow hash."""
    typed = "".join(letter for letter in code.lower() if letter.isalnum()).translate(_MISREAD)
    if len(typed) != _GROUPS * _GROUP_LENGTH or not set(typed) <= set(_ALPHABET):
        return None
    return hashlib.sha256(typed.encode()).digest()


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))

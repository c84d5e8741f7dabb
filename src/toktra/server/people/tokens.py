"""Secrets a person carries: 256 random bits behind their organisation's name, kept here only as a hash.

The organisation comes first because row-level security needs to know it before anything can be looked up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

_FORM: Final = re.compile(r"(?P<slug>[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)\.(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Token:
    """What a sign-in link or a session cookie holds: "<slug>.<secret>"."""

    slug: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.slug}.{self.secret}"

    @property
    def hash(self) -> bytes:
        """SHA-256 of the secret. A slow hash would add nothing to 256 random bits."""
        return hashlib.sha256(self.secret.encode()).digest()

    @classmethod
    def new(cls, slug: str) -> Token:
        return cls(slug, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """The token a text stands for; None for anything that cannot be one."""
        match = _FORM.fullmatch(text)
        return cls(match["slug"], match["secret"]) if match else None

"""Passwords: which are taken, and how they are kept (Argon2id, RFC 9106, with its second recommended parameters).

NIST SP 800-63B, 3.1.1.2: length counts and composition does not, every character may be used, and what is easily
guessed about this person is refused. A password is never the only factor here.
"""

from __future__ import annotations

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from toktra.server.web.language import _

SHORTEST: Final = 12
LONGEST: Final = 200
_LEAST_DIFFERENT: Final = 5
_LEAST_TELLING: Final = 4
"""A name or address shorter than this could be part of any password."""
_AT_ONCE: Final = 2
"""Hashes computed side by side; each takes 64 MiB."""

_hasher: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_threads: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")


class PasswordRefused(ValueError):
    """Not a password that is taken; the text says why, to the person who chose it."""


def check_password(password: str, *, name: str, email: str | None) -> None:
    """Raises PasswordRefused for one that is too short or long, of few characters, or made of who they are."""
    if len(password) < SHORTEST:
        raise PasswordRefused(
            _("Password: at least %(least)s characters. You typed %(n)s.") % {"least": SHORTEST, "n": len(password)}
        )
    if len(password) > LONGEST:
        raise PasswordRefused(_("Password: at most %(most)s characters.") % {"most": LONGEST})
    if len(set(password)) < _LEAST_DIFFERENT:
        raise PasswordRefused(_("Password: at least %(least)s different characters.") % {"least": _LEAST_DIFFERENT})
    plain = _plain(password)
    telling = [name, *([email, email.partition("@")[0]] if email else [])]
    if any(len(_plain(one)) >= _LEAST_TELLING and _plain(one) in plain for one in telling):
        raise PasswordRefused(_("Password: it contains your name or e-mail address, which is tried first."))


async def hash_password(password: str) -> str:
    """The password as it is stored, with a salt of its own."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, _normal(password))


async def is_password(stored: str | None, password: str) -> bool:
    """Whether this is the password. Without a stored one it takes as long and is never right."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, _normal(password[:LONGEST]))


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with parameters that are not today's."""
    return _hasher.check_needs_rehash(stored)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobodys(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """What is compared with where there is nothing to compare with."""
    return _hasher.hash("nobody's password")


def _normal(password: str) -> str:
    """The same bytes from every keyboard (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password)


def _plain(text: str) -> str:
    return "".join(_normal(text).casefold().split())

"""Sealing and opening age files (age-encryption.org/v1), by pyrage. The plain `age` command opens all of it."""

from __future__ import annotations

import pyrage  # type: ignore[import-untyped, unused-ignore]
from pyrage import passphrase, x25519

from toktra.wire.personal import PersonalRecord, plain


class NotAKey(ValueError):
    """It is no age identity, or no age recipient."""


class NotOpened(ValueError):
    """Another key or passphrase is needed, or the file is damaged: an age file does not say which."""


def new_identity() -> str:
    """An X25519 identity: AGE-SECRET-KEY-1…"""
    return str(x25519.Identity.generate())


def recipient_of(identity: str) -> str:
    """Its public part: age1… Raises NotAKey."""
    return str(_identity(identity).to_public())


class Sealer:
    """Seals for one owner, who alone can open. Nothing is kept between two records."""

    def __init__(self, recipient: str) -> None:
        """Raises NotAKey."""
        try:
            self._recipient = x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            raise NotAKey(f"{recipient[:80]!r} is no age recipient ({error})") from None

    def seal(self, record: PersonalRecord) -> bytes:
        """An age file. What is in it cannot be told from its length."""
        return bytes(pyrage.encrypt(plain(record), [self._recipient]))


def unseal(sealed: bytes, identity: str) -> bytes:
    """What an age file holds. Raises NotOpened, NotAKey."""
    try:
        return bytes(pyrage.decrypt(sealed, [_identity(identity)]))
    except pyrage.DecryptError as error:
        raise NotOpened(str(error)) from None


def wrap(content: bytes, words: str) -> bytes:
    """An armored age file that opens with a passphrase (scrypt)."""
    return bytes(passphrase.encrypt(content, words, armored=True))


def unwrap(content: bytes, words: str) -> bytes:
    """The reverse of `wrap`. Raises NotOpened."""
    try:
        return bytes(passphrase.decrypt(content, words))
    except pyrage.DecryptError as error:
        raise NotOpened(str(error)) from None


def _identity(text: str) -> x25519.Identity:
    try:
        return x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        raise NotAKey(f"it is no age identity ({error})") from None

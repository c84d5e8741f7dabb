"""The form that says how a copy is sealed, wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping

from toktra.compliance.library import Language
from toktra.server.rights.copies.sealing import (
    LEAST_PASSPHRASE,
    MOST_PASSPHRASE,
    Lock,
    NotARecipient,
    lock_of,
    new_lock,
)
from toktra.server.web.language import _, spoken


class SealRefused(ValueError):
    """How the copy should be sealed cannot be. `field` names what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


async def lock_from(fields: Mapping[str, str]) -> Lock:
    """Raises SealRefused."""
    if fields.get("sealed_by", "passphrase") == "recipient":
        try:
            return lock_of(fields.get("recipient", ""))
        except NotARecipient:
            raise SealRefused("recipient", _("Age recipient: it begins with age1 and is copied whole.")) from None
    passphrase = fields.get("passphrase", "")
    if not LEAST_PASSPHRASE <= len(passphrase) <= MOST_PASSPHRASE:
        raise SealRefused("passphrase", _("Passphrase: %(least)s characters or more.") % {"least": LEAST_PASSPHRASE})
    if passphrase != fields.get("again", ""):
        raise SealRefused("again", _("The passphrase was typed differently the second time."))
    return await new_lock(passphrase)


def copy_language() -> str:
    """In which the copy's readable parts are made: the reader's, where there are such parts in it."""
    return spoken() if spoken() in set(Language) else Language.ENGLISH.value

"""What can go wrong with the second ledger's database, each said in a sentence for the person who installs it."""

from __future__ import annotations


class LedgerFailure(Exception):
    """Something about the database keeps the service from running. The text names the thing and the remedy."""


class LedgerUnreachable(LedgerFailure):
    """No connection to the database could be made."""


class LedgerTooNew(LedgerFailure):
    """A newer Toktra made these tables; reading them with this one could lose something."""


class LedgerBehind(LedgerFailure):
    """The database lacks tables this version needs."""


class UnsafeRole(LedgerFailure):
    """The role or the database lets in more than it should."""

"""What can be asked for, how far a request is, and how it came in."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """GDPR Art. 15 to 21; CCPA knows access, erasure and rectification by other names."""

    ACCESS = "access"
    ERASURE = "erasure"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    OBJECTION = "objection"
    RESTRICTION = "restriction"


class Stage(StrEnum):
    """Where a request stands."""

    CHECK = "check"
    """It came by mail: the officer finds out whose data is meant."""
    IDENTITY = "identity"
    """The person must sign in and say how their copy is sealed."""
    DECISION = "decision"
    """The privacy officer decides."""
    WORKING = "working"
    """A job is at it."""
    READY = "ready"
    """The copy waits for its person."""
    DONE = "done"
    REFUSED = "refused"


class Channel(StrEnum):
    """How a request came in."""

    PORTAL = "portal"
    OFFICER = "officer"
    MAIL = "mail"
    """By a link to an address, from who has no account."""
    API = "api"
    """Recorded by a program, for whoever asked elsewhere."""


class Step(StrEnum):
    """What can happen to a request, as stored."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    IDENTIFIED = "identified"
    SEALED_FOR = "sealed-for"
    PREPARED = "prepared"
    OPENED = "opened"
    EXPIRED = "expired"
    STOPPED = "recording-stopped"
    RESUMED = "recording-resumed"
    EXTENDED = "extended"
    GRANTED = "granted"
    REFUSED = "refused"
    ERASED = "erased"
    REMINDED = "reminded"
    TAKEN = "taken"
    DELAYED = "delayed"


COPIES: Final = frozenset({Kind.ACCESS, Kind.PORTABILITY})
"""Answered with a sealed copy."""
STOPS_AT_ONCE: Final = frozenset({Kind.OBJECTION, Kind.RESTRICTION})
"""Nothing new is recorded from the moment they are made until they are decided (GDPR Art. 18(1)(d))."""
NEEDS_DETAILS: Final = frozenset({Kind.RECTIFICATION, Kind.OBJECTION})
OPEN: Final = frozenset({Stage.CHECK, Stage.IDENTITY, Stage.DECISION, Stage.WORKING, Stage.READY})

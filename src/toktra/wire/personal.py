"""What crosses the boundary of the second ledger: records that only their owner can read, and tickets that name nobody.

A mailbox is known by a secret alone, which its owner's devices and browser present as a bearer token; the service keeps
its digest. A record is an age file over `PLAIN_BYTES` of JSON, filled up with spaces, so that its size says nothing: it
holds the uses of an hour, none or more than a hundred. Every upload is one record and has `UPLOAD_BYTES`.

Tickets are VOPRF outputs (RFC 9497, ristretto255-SHA512) over `NONCE_BYTES` that the device drew: whoever issued them
recognises that they are good, and cannot tell to whom they were issued. Each month and tier has a key of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from toktra.wire.events import Count, HostName, InvalidMessage, Version, decode, encode

PLAIN_BYTES: Final = 8192
"""Of one record: about 110 uses, so 2 600 a day. What does not fit goes into the record of another hour."""
LONGEST_SEALED_BYTES: Final = PLAIN_BYTES + 512
"""An age file over `PLAIN_BYTES`; the length of its header varies at random, whatever is inside."""
UPLOAD_EVERY_S: Final = 3600
UPLOAD_BYTES: Final = 12_288
MOST_RESEALED: Final = 80
"""Records that are replaced by one request: 0.9 MB."""
KEPT_DAYS: Final = 90
"""Fixed: no setting, role or request makes it longer."""

NONCE_BYTES: Final = 32
MOST_TICKETS_AT_ONCE: Final = 32
MOST_TICKETS_A_MONTH: Final = 1000
MOST_TIERS: Final = 20

Secret = Annotated[str, Meta(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]{43}\Z")]
"""32 random bytes in base64url: all that a mailbox is known by."""
ProgrammeId = Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]{36}\Z")]
"""Drawn at random when an organisation switches the programme on; it is not the organisation's id."""
Tier = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+\Z")]
Month = Annotated[str, Meta(min_length=7, max_length=7, pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])\Z")]
Element = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""A blinded or evaluated group element, or a public key."""
Evaluated = Annotated[bytes, Meta(min_length=96, max_length=96)]
"""An evaluated element behind the proof that the month's key made it (`VerifiableOutput` of the voprf package)."""
Sealed = Annotated[bytes, Meta(min_length=1, max_length=LONGEST_SEALED_BYTES)]


class PersonalUse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """One personal use of AI, as its owner reads it. It names neither a device nor a person."""

    at: datetime
    """When the exchange began: UTC, whole seconds."""
    provider_host: HostName
    request_bytes: Count
    response_bytes: Count
    estimated_input_tokens: Count
    estimated_output_tokens: Count
    estimator_version: Version

    def __post_init__(self) -> None:
        if self.at.tzinfo is not UTC and self.at.utcoffset() != UTC.utcoffset(None):
            raise ValueError("at: must be UTC, for example 2026-11-22T09:30:00Z")


COLUMNS: Final = PersonalUse.__struct_fields__


class PersonalRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed: the uses of an hour, or none. One cannot be told from another without the owner's key."""

    columns: tuple[str, ...] = COLUMNS
    """What stands where in a use, for whoever opens a record without us."""
    uses: tuple[PersonalUse, ...] = ()

    def __post_init__(self) -> None:
        if self.columns != COLUMNS:
            raise ValueError(f"columns: must be {', '.join(COLUMNS)}")


class Upload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a device to its owner's mailbox, at fixed times, whatever was used."""

    upload: Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]{36}\Z")]
    """A random UUID; sent again with the same one, it is stored once."""
    day: date
    """The UTC day whose hour this fills, today or one of the `KEPT_DAYS` - 1 before. A device that was off fills the
    hours it missed once it is back, so that a mailbox has as many records for every day, worked or not."""
    sealed: Sealed
    filling: str = ""


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As the owner gets it back."""

    record: Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]{36}\Z")]
    """A random UUID given by the service."""
    day: date
    """Of its upload; it is gone `KEPT_DAYS` later."""
    sealed: Sealed


class RecordsPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox's records, a page at a time."""

    records: tuple[StoredRecord, ...]
    next: str | None = None
    """To be given as `after` for the next page; None: that was all."""


class Resealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Takes the place of a record after its owner changed their key; the record keeps its day."""

    record: Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]{36}\Z")]
    sealed: Sealed


class Ticket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a month's allowance, spent without a mailbox's name, or once to open a mailbox."""

    programme: ProgrammeId
    tier: Tier
    month: Month
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    output: Annotated[bytes, Meta(min_length=64, max_length=64)]


class TicketKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public keys of a programme's month, the same for everybody: a key of one's own would be a name."""

    month: Month
    keys: dict[Tier, Element]


class TicketsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the organisation's server, for somebody it does not name, to the service that issues."""

    programme: ProgrammeId
    tier: Tier
    month: Month
    blinded: Annotated[tuple[Element, ...], Meta(min_length=1, max_length=MOST_TICKETS_AT_ONCE)]


class TicketsIssued(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked for, in its order."""

    evaluated: Annotated[tuple[Evaluated, ...], Meta(min_length=1, max_length=MOST_TICKETS_AT_ONCE)]


class ProgrammeTiers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A programme as the personal service knows it: how many tickets one person may get in a month, by tier.

    The noise over a tier's count has to hide that many, so that it hides one person.
    """

    tiers: Annotated[
        dict[Tier, Annotated[int, Meta(ge=1, le=MOST_TICKETS_A_MONTH)]], Meta(min_length=1, max_length=MOST_TIERS)
    ]


class RedemptionCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tickets of a closed month that were spent, with noise drawn once."""

    month: Month
    tier: Tier
    tickets: Count
    most_tickets: Annotated[int, Meta(ge=1)]
    """That one person could get when the noise was drawn: it hides so many, whatever is offered since."""


class Redemptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is ever known about redemptions, newest month first. The running month is not in it."""

    epsilon: float
    """The privacy budget of one person in one month and tier: discrete Laplace of scale most_tickets / epsilon."""
    counts: tuple[RedemptionCount, ...]


class AllowanceAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a device to the organisation's server, signed: how an account stands, and more tickets if wished."""

    account: Annotated[str, Meta(min_length=1, max_length=128)]
    blinded: Annotated[tuple[Element, ...], Meta(max_length=MOST_TICKETS_AT_ONCE)] = ()


class Allowance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer. A person who has not opted in gets `standing` alone."""

    standing: Literal["no-programme", "not-invited", "invited", "enrolled"]
    service: str = ""
    """The personal service's address."""
    programme: str = ""
    tier: str = ""
    month: str = ""
    tokens_per_ticket: Count = 0
    tickets: Count = 0
    """Of the whole month."""
    left: Count = 0
    """Not yet issued."""
    evaluated: Annotated[tuple[Evaluated, ...], Meta(max_length=MOST_TICKETS_AT_ONCE)] = ()
    """As many as `blinded`, or none."""


_plain: Final = msgspec.json.Decoder(PersonalRecord)
_uploads: Final = msgspec.json.Decoder(Upload)


def fits(uses: Sequence[PersonalUse]) -> bool:
    """Whether one record holds them all."""
    return len(encode(PersonalRecord(uses=tuple(uses)))) <= PLAIN_BYTES


def plain(record: PersonalRecord) -> bytes:
    """What is sealed: `PLAIN_BYTES` of JSON, spaces at its end. Raises InvalidMessage for more uses than fit."""
    text = encode(record)
    if len(text) > PLAIN_BYTES:
        raise InvalidMessage("uses", f"a record may have {PLAIN_BYTES} bytes, this one has {len(text)}")
    return text.ljust(PLAIN_BYTES)


def read_plain(text: bytes) -> PersonalRecord:
    """The reverse of `plain`. Raises InvalidMessage naming the field at fault."""
    return decode(text, _plain)


def encode_upload(upload: str, day: date, sealed: bytes) -> bytes:
    """An upload of `UPLOAD_BYTES`. `sealed` is an age file."""
    bare = encode(Upload(upload=upload, day=day, sealed=sealed))
    return encode(Upload(upload=upload, day=day, sealed=sealed, filling=" " * (UPLOAD_BYTES - len(bare))))


def decode_upload(body: bytes) -> Upload:
    """Raises InvalidMessage for a body of another size, and names the field at fault."""
    if len(body) != UPLOAD_BYTES:
        raise InvalidMessage("", f"an upload has {UPLOAD_BYTES} bytes, this one has {len(body)}")
    return decode(body, _uploads)

"""Receipts of erasures, signed with Ed25519: who holds one can show later what was erased and when.

The signature is over the bytes of `receipt` as they stand in the file.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class InvalidReceipt(ValueError):
    """This is no receipt, or it was changed after it was signed."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was erased. It names nobody: the person's number stands for nobody any more."""

    organisation: str
    request: str
    person: UUID
    erased_at: datetime
    events: int
    devices: int
    audit_entry: str
    """Number and hash of the entry in the audit trail: `toktra server audit-verify --expect` finds it there."""


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receipt: str
    signature: str
    public_key: str


def signed(receipt: Receipt, key: Ed25519PrivateKey) -> bytes:
    """The receipt as a file."""
    text = msgspec.json.encode(receipt)
    document = _Signed(text.decode(), _coded(key.sign(text)), _coded(key.public_key().public_bytes_raw()))
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def verified(document: bytes) -> tuple[Receipt, str]:
    """The receipt, and the public key that signed it, to be compared with the organisation's. Raises InvalidReceipt."""
    try:
        found = msgspec.json.decode(document, type=_Signed)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(found.public_key, validate=True))
        key.verify(base64.b64decode(found.signature, validate=True), found.receipt.encode())
        return msgspec.json.decode(found.receipt, type=Receipt), found.public_key
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise InvalidReceipt("this is no receipt of an erasure") from None
    except InvalidSignature:
        raise InvalidReceipt("the receipt was changed after it was signed, or its signature is not its own") from None


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()

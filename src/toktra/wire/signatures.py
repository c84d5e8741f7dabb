"""Signed requests: RFC 9421 HTTP Message Signatures with the device's Ed25519 key, the body's digest covered.

Signatures survive load balancers and TLS-inspecting proxies, because they cover the method, the path, the content type
and the body, but not the authority. A replayed batch is harmless: the server takes each sequence once.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
)
from http_message_signatures import InvalidSignature as LibraryInvalidSignature
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from http_sf import parse

from toktra.wire.usual_signature import is_signed_as_usual, usual_key_id

LABEL: Final = "toktra"
COVERED: Final = ("@method", "@path", "content-type", "content-digest")
MAX_AGE: Final = timedelta(days=1)
"""How far a signature's time may lie from the server's clock, either way."""


class InvalidSignature(ValueError):
    """The request is not signed by the key it names, or not at all."""


@dataclass(frozen=True, slots=True)
class KeyId:
    """Names a device's key. The tenant in it lets a server look the key up inside that tenant's rows only."""

    tenant: UUID
    device: UUID

    def __str__(self) -> str:
        return f"{self.tenant}:{self.device}"

    @classmethod
    def parse(cls, text: str) -> KeyId:
        """Raises InvalidSignature when `text` is not of the form TENANT-UUID:DEVICE-UUID."""
        tenant, _, device = text.partition(":")
        try:
            return cls(UUID(tenant), UUID(device))
        except ValueError:
            raise InvalidSignature("the signature's key id is not one this server gave out") from None


class _Verifier(HTTPMessageVerifier):
    max_clock_skew = MAX_AGE


@dataclass(frozen=True, slots=True)
class _Message:
    """What the library reads of a request; only the path of `url` is signed."""

    method: str
    url: str
    headers: MutableMapping[str, str]


@dataclass(frozen=True, slots=True)
class _SigningKey(HTTPSignatureKeyResolver):
    private_key: Ed25519PrivateKey

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return self.private_key


@dataclass(frozen=True, slots=True)
class _VerificationKey(HTTPSignatureKeyResolver):
    key_id: str
    public_key: Ed25519PublicKey

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        if key_id != self.key_id:
            raise InvalidSignature("the request is signed with another key than expected")
        return self.public_key


def sign(
    *,
    method: str,
    url: str,
    headers: MutableMapping[str, str],
    body: bytes,
    key_id: str,
    private_key: Ed25519PrivateKey,
) -> None:
    """Adds Content-Digest, Signature-Input and Signature to `headers`, which must already hold Content-Type."""
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_SigningKey(private_key))
    signer.sign(
        _Message(method, url, headers),
        key_id=key_id,
        label=LABEL,
        tag=LABEL,
        covered_component_ids=COVERED,
        body=body,
    )


def claimed_key_id(headers: Mapping[str, str]) -> str:
    """The key id a request says it is signed with, unverified; header names in lower case.

    Raises InvalidSignature when the request has no signature of ours.
    """
    usual = usual_key_id(headers)
    if usual is not None:
        return usual
    text = headers.get("signature-input", "").encode("latin-1", "replace")
    try:
        inputs = cast(dict[str, tuple[Any, dict[str, Any]]], parse(text, tltype="dictionary"))
    except ValueError:
        raise InvalidSignature("the Signature-Input header cannot be read") from None
    if LABEL not in inputs:
        raise InvalidSignature("the request is not signed")
    _, parameters = inputs[LABEL]
    key_id = parameters.get("keyid")
    if not isinstance(key_id, str):
        raise InvalidSignature("the signature does not name its key")
    return key_id


def verify(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key_id: str,
    public_key: Ed25519PublicKey,
) -> None:
    """Returns when the request is signed by `public_key` under `key_id` with every covered part intact.

    Raises InvalidSignature otherwise, also for a signature more than a day old or from the future.
    """
    if is_signed_as_usual(
        method=method,
        url=url,
        headers=headers,
        body=body,
        key_id=key_id,
        public_key=public_key,
        max_age_s=MAX_AGE.total_seconds(),
    ):
        return
    verifier = _Verifier(signature_algorithm=ED25519, key_resolver=_VerificationKey(key_id, public_key))
    try:
        results = verifier.verify(
            _Message(method, url, dict(headers)),
            max_age=MAX_AGE,
            expect_tag=LABEL,
            require_components=tuple(f'"{component}"' for component in COVERED),
            body=body,
        )
    except (LibraryInvalidSignature, HTTPMessageSignaturesException) as error:
        raise InvalidSignature(str(error)) from None
    if not results:
        raise InvalidSignature("the request is not signed")


def encode_public_key(key: Ed25519PublicKey) -> str:
    """The raw 32 bytes as base64url without padding."""
    return base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()


def decode_public_key(text: str) -> Ed25519PublicKey:
    """Raises InvalidSignature when `text` is no Ed25519 public key."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "="))
    except (ValueError, binascii.Error):
        raise InvalidSignature("not an Ed25519 public key in base64url") from None

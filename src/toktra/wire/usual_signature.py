"""Signatures of the one shape that our devices write, recognised whole: a fifth of the work of reading any shape.

Here is no second set of rules. What has exactly this shape and verifies is what the library accepts as well; everything
else, a refusal too, is the library's to decide. The text that is signed is RFC 9421 section 2.5, the digest RFC 9530
section 2; Ed25519, SHA-256 and the comparison are the cryptography package's and the standard library's.
"""

from __future__ import annotations

import binascii
import hmac
import re
import time
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_INPUT: Final = re.compile(
    r'toktra=(\("@method" "@path" "content-type" "content-digest"\);created=([1-9][0-9]{0,10});'
    r'keyid="([0-9a-f:-]{1,80})";alg="ed25519";tag="toktra")'
)
_SIGNATURE: Final = re.compile(r"toktra=:([0-9A-Za-z+/]{86}==):")
_DIGEST: Final = re.compile(r"sha-256=:([0-9A-Za-z+/]{43}=):")
_URL: Final = re.compile(r"https?://[0-9A-Za-z.:\[\]-]+(/[0-9A-Za-z/_-]*)")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z.+-]+")


def usual_key_id(headers: Mapping[str, str]) -> str | None:
    """The key id named by a signature of the usual shape, unverified; None for any other, or none."""
    found = _INPUT.fullmatch(headers.get("signature-input", ""))
    return found[3] if found else None


def is_signed_as_usual(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key_id: str,
    public_key: Ed25519PublicKey,
    max_age_s: float,
) -> bool:
    """Whether this is surely signed by `public_key` under `key_id`, each covered part intact. False decides nothing."""
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    digest = _DIGEST.fullmatch(headers.get("content-digest", ""))
    media_type = headers.get("content-type", "")
    place = _URL.fullmatch(url)
    if not (given and signature and digest and place and _MEDIA_TYPE.fullmatch(media_type)):
        return False
    if method not in ("GET", "POST") or given[3] != key_id or abs(time.time() - int(given[2])) >= max_age_s:
        return False
    signed = (
        f'"@method": {method}\n"@path": {place[1]}\n"content-type": {media_type}\n'
        f'"content-digest": {digest[0]}\n"@signature-params": {given[1]}'
    )
    try:
        public_key.verify(b64decode(signature[1], validate=True), signed.encode("ascii"))
        return hmac.compare_digest(b64decode(digest[1], validate=True), sha256(body).digest())
    except (InvalidSignature, binascii.Error):
        return False

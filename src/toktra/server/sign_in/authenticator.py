"""Codes of an authenticator app (TOTP, RFC 6238: 6 digits, 30 s, SHA-1, as all apps have them), and the QR code."""

from __future__ import annotations

import hmac
import io
import re
from datetime import datetime
from typing import Final

import pyotp
import segno
from markupsafe import Markup

STEP_S: Final = 30
_TOLERATED_STEPS: Final = 1
"""How far the app's clock may be off, either way (RFC 6238, 5.2)."""
_CODE: Final = re.compile(r"[0-9]{6}")
_ISSUER: Final = "Toktra"


def new_secret() -> str:
    """160 random bits in base32, as RFC 4226, 4 recommends."""
    return pyotp.random_base32(32)


def step_of(secret: str, code: str, now: datetime, *, after: int = 0) -> int | None:
    """The time step whose code this is; None for a wrong code, or one whose step is not after `after`."""
    typed = "".join(code.split())
    if not _CODE.fullmatch(typed):
        return None
    totp = pyotp.TOTP(secret, interval=STEP_S)
    current = int(now.timestamp()) // STEP_S
    found = None
    for step in range(current - _TOLERATED_STEPS, current + _TOLERATED_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed) and step > after:
            found = step
    return found


def address_of(secret: str, *, account: str, organisation: str) -> str:
    """The otpauth address that an app takes in."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=account, issuer_name=f"{_ISSUER} · {organisation}")


def picture_of(address: str) -> Markup:
    """The address as a QR code: an SVG with attributes alone, dark on light whatever the page's colours are."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, svgns=False, svgclass="qr",
        lineclass=None, nl=False,
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - made here, of squares


def grouped(secret: str) -> str:
    """The secret as it can be typed: in groups of four."""
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))

"""Reads a form within bounds: small, of one kind, each field once."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

MAX_BYTES: Final = 64 << 10
MAX_FIELDS: Final = 100
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


class FormNotUsable(ValueError):
    """A request's body is no form of ours: too large, of another type, or cut off."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form, as typed. Raises FormNotUsable; nothing of it is to be used then."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise FormNotUsable
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                raise FormNotUsable
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (ClientDisconnect, ValueError):  # UnicodeDecodeError, and too many fields
        raise FormNotUsable from None
    if len({name for name, _value in fields}) != len(fields):
        raise FormNotUsable
    return dict(fields)

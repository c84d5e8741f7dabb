"""Reads a form that brings a file, within bounds, whatever it claims about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from toktra.server.web.language import _

_MOST_FIELDS: Final = 20


class UploadRefused(ValueError):
    """A file that cannot be taken: too large, cut off, or not there. The text says which; nothing was changed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Upload:
    """One file, the name it had where it came from, and the fields beside it."""

    name: str
    content: bytes
    fields: Mapping[str, str]


async def read_upload(request: Request, field: str, *, limit_bytes: int) -> Upload:
    """The file in `field`. Raises UploadRefused as soon as the form is longer than `limit_bytes`, or has none."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit_bytes:
            raise UploadRefused(413, _("The file is larger than %(n)s MB.") % {"n": f"{limit_bytes / 1e6:.2g}"})
        return message

    try:
        async with Request(request.scope, receive).form(max_files=1, max_fields=_MOST_FIELDS) as form:
            file = form.get(field)
            if not isinstance(file, UploadFile) or not file.filename:
                raise UploadRefused(400, _("Choose a file."))
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
            return Upload(file.filename, await file.read(), fields)
    except (HTTPException, ClientDisconnect):
        raise UploadRefused(400, _("The file did not arrive whole. Choose it again.")) from None

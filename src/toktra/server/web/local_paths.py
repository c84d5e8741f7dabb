"""Where a sign-in may lead afterwards: to a page of this site, never elsewhere."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 500
_PLAIN: Final = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""One slash, and then nothing that a browser takes for a host, a control character or a space."""


def local_path(text: str | None, otherwise: str) -> str:
    """The path if it stays on this site, `otherwise` if not. Browsers read a backslash as a slash, so none may be."""
    if not text or len(text) > LONGEST or "\\" in text or not _PLAIN.fullmatch(text):
        return otherwise
    try:
        parts = urlsplit(text)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else text

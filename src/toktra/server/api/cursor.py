"""Lists that are read page by page: where the next page goes on, as a word that only this API reads. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query

from toktra.server.api import refusals

MOST_ITEMS: Final = 200
USUAL_ITEMS: Final = 50

Item = TypeVar("Item")
Key = TypeVar("Key")

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Items in one answer at most")]
After = Annotated[
    str | None,
    Query(
        max_length=400,
        description="`next_cursor` of the answer before; without it, the list begins at its beginning",
    ),
]


def cursor_after(key: object) -> str:
    """The word for "after the item of this key"."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def key_in(cursor: str | None, read: Callable[[str], Key]) -> Key | None:
    """The key a cursor holds; None for the beginning. Raises Problem 422 for what is no cursor of this list."""
    if not cursor:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        return read(text)
    except (binascii.Error, ValueError):
        raise refusals.unusable(
            "cursor", "This is no cursor of this list. Take next_cursor of the answer before, or begin without one."
        ) from None


def page_of(found: Sequence[Item], limit: int, key: Callable[[Item], object]) -> tuple[list[Item], str | None]:
    """The first `limit` of up to `limit + 1` items that were found, and the cursor when there is at least one more."""
    items = list(found[:limit])
    return items, cursor_after(key(items[-1])) if len(found) > limit and items else None

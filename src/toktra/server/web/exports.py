"""Long lists as files, written while they are read: memory does not grow with the list."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

from starlette.responses import StreamingResponse

from toktra.server.web.spreadsheets import neutral


async def csv_parts(header: Sequence[str], batches: AsyncIterator[Sequence[Sequence[str]]]) -> AsyncIterator[bytes]:
    """A CSV file in UTF-8 with its mark; no cell can be a formula."""
    yield "\ufeff".encode() + _lines([header])
    async for rows in batches:
        yield _lines([[neutral(cell) for cell in row] for row in rows])


def as_file(name: str, media_type: str, parts: AsyncIterator[bytes]) -> StreamingResponse:
    """An answer that browsers save. `name` is one of ours, never a person's."""
    return StreamingResponse(
        parts, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()

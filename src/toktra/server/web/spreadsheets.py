"""Tables as CSV files that spreadsheets open as they are: UTF-8 with its mark, and no cell that could be a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.responses import Response

_BEGINS_FORMULA: Final = frozenset("=+-@\t\r\n＝＋－＠")
"""OWASP, CSV Injection; the wide forms are read as the narrow ones by spreadsheets for East Asian languages."""


def neutral(cell: str) -> str:
    """The text, behind an apostrophe when a spreadsheet would compute it."""
    return f"'{cell}" if cell[:1] in _BEGINS_FORMULA else cell


def original(cell: str) -> str:
    """What `neutral` was given, so that what was exported can be imported again."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _BEGINS_FORMULA else cell


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The file's bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def download(name: str, content: bytes) -> Response:
    """An answer that browsers save. `name` is one of ours, never a person's."""
    return Response(
        content,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )

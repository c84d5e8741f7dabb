"""Reads a CSV file as programs really write them: UTF-8, UTF-16 or Windows-1252; commas, semicolons or tabs. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import Final

from toktra.server.web.language import _

MOST_BYTES: Final = 8_000_000
MOST_ROWS: Final = 50_000
MOST_COLUMNS: Final = 100

UTF8: Final = "UTF-8"
UTF16: Final = "UTF-16"
WINDOWS_1252: Final = "Windows-1252"

_DELIMITERS: Final = (",", ";", "\t", "|")
_MARKS: Final = (
    (codecs.BOM_UTF8, UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "UTF-32", None),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "UTF-32", None),
    (codecs.BOM_UTF16_LE, UTF16, "utf-16-le"),
    (codecs.BOM_UTF16_BE, UTF16, "utf-16-be"),
)


class FileRefused(ValueError):
    """The file cannot be read as a table. The text says why, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text and the encoding it was read as."""

    text: str
    encoding: str

    @property
    def is_guess(self) -> bool:
        """Whether nothing in the file proves the encoding: any bytes at all can be read as Windows-1252."""
        return self.encoding == WINDOWS_1252


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `number` is the line of the file on which it begins, the header being on line 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's header and rows; rows may be shorter or longer than the header."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]


def decode(content: bytes) -> Decoded:
    """The file as text. Raises FileRefused."""
    if not content.strip(b"\0\r\n\t "):
        raise FileRefused(_("The file is empty."))
    for mark, name, codec in _MARKS:
        if content.startswith(mark):
            if codec is None:
                raise FileRefused(_("The file is %(name)s. Save it as “CSV UTF-8” and try again.") % {"name": name})
            return Decoded(_strictly(content[len(mark) :], name, codec), name)
    is_archive = content.startswith(b"PK\x03\x04")  # as workbooks are
    if not is_archive and (codec := _unmarked_utf16(content)):
        return Decoded(_strictly(content, UTF16, codec), UTF16)
    if is_archive or b"\0" in content:
        raise FileRefused(
            _("The file is not text, perhaps a workbook. Save it as “CSV UTF-8” in your spreadsheet and try again.")
        )
    try:
        return Decoded(content.decode("utf-8"), UTF8)
    except UnicodeDecodeError as error:
        wrong = error
    try:
        return Decoded(content.decode("cp1252"), WINDOWS_1252)
    except UnicodeDecodeError:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise FileRefused(
            _("The file is neither UTF-8 (line %(line)s breaks it) nor Windows-1252. Save it as “CSV UTF-8”.")
            % {"line": line}
        ) from None


def read_table(text: str) -> Table:
    """Header and rows; empty lines are left out. Raises FileRefused."""
    if "\0" in text:
        raise FileRefused(_("The file has zero characters in it, so it is no table. Save it as “CSV UTF-8”."))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    lines: list[Line] = []
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(Line(begins, tuple(cell.strip() for cell in cells)))
            begins = reader.line_num + 1
            if len(lines) > MOST_ROWS + 1:
                raise FileRefused(_("The file has more than %(n)s rows. Import it in parts.") % {"n": MOST_ROWS})
    except csv.Error as error:
        raise FileRefused(
            _("Line %(line)s cannot be read: %(error)s. Often a quotation mark is missing or not doubled.")
            % {"line": reader.line_num, "error": error}
        ) from None
    if not lines or len(lines[0].cells) > MOST_COLUMNS:
        raise FileRefused(_("The first line must name the columns, %(n)s at most.") % {"n": MOST_COLUMNS})
    if len(lines) == 1:
        raise FileRefused(_("The file has a header and no rows."))
    return Table(lines[0].cells, tuple(lines[1:]))


def _strictly(content: bytes, name: str, codec: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise FileRefused(
            _("The file says that it is %(name)s and is not: byte %(place)s is wrong. Save it again as “CSV UTF-8”.")
            % {"name": name, "place": error.start}
        ) from None


def _unmarked_utf16(content: bytes) -> str | None:
    """UTF-16 without its mark: in a table with Latin letters in it, every second byte of many is zero."""
    sample = content[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    many = len(sample) // 2 * 0.3
    if odd > many and even == 0:
        return "utf-16-le"
    if even > many and odd == 0:
        return "utf-16-be"
    return None


def _delimiter(text: str) -> str:
    """What the first line separates its cells with, outside quotation marks."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    is_quoted = False
    for sign in text.lstrip("\r\n"):
        if sign == '"':
            is_quoted = not is_quoted
        elif sign in "\r\n" and not is_quoted:
            break
        elif sign in counts and not is_quoted:
            counts[sign] += 1
    return max(_DELIMITERS, key=lambda delimiter: counts[delimiter])

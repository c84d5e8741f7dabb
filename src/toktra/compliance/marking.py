"""The little Markdown our texts are written in: headings, paragraphs, lists, tables, quotations, bold.

What an organisation enters is escaped, so that it is always text and never structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SPECIAL: Final = re.compile(r"([\\`*{}\[\]<>#|~]|(?<![^\W_])_|_(?![^\W_])|^[-+]|(?<=^\d)\.|(?<=^\d\d)\.)")
"""An underscore within a word means itself; a dash, plus or number only begins a list at the start."""
_ESCAPE: Final = re.compile(r"\\([\\`*_{}\[\]<>#|~.+-])")
_BOLD: Final = re.compile(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*")
_CELL: Final = re.compile(r"(?<!\\)\|")
_LIST_ITEM: Final = re.compile(r"- |\d+\. ")


class Marked(str):
    """Markdown of ours, which is not escaped again."""

    __slots__ = ()


def escaped(text: str) -> str:
    """Any text, so that Markdown shows it as it is."""
    return _SPECIAL.sub(r"\\\1", text)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one weight."""

    text: str
    is_bold: bool = False


Runs = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    runs: Runs


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: Runs
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Runs, ...]
    is_numbered: bool


@dataclass(frozen=True, slots=True)
class Table:
    header: tuple[Runs, ...]
    rows: tuple[tuple[Runs, ...], ...]


Block = Heading | Paragraph | Items | Table


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of a text, which are separated by empty lines."""
    for chunk in re.split(r"\n[ \t]*\n", markdown.strip()):
        lines = [line.strip() for line in chunk.strip().splitlines()]
        if not lines:
            continue
        first = lines[0]
        if first.startswith("#"):
            level = len(first) - len(first.lstrip("#"))
            yield Heading(level, runs(first.lstrip("#").strip()))
        elif first.startswith("|"):
            cells = [tuple(runs(cell.strip()) for cell in _CELL.split(line)[1:-1]) for line in lines]
            yield Table(cells[0], tuple(cells[2:]))
        elif _LIST_ITEM.match(first):
            yield Items(tuple(_items(lines)), is_numbered=first[0].isdigit())
        elif first.startswith("> "):
            yield Paragraph(runs(" ".join(line.lstrip("> ") for line in lines)), is_quoted=True)
        else:
            yield Paragraph(runs(" ".join(lines)))


def runs(text: str) -> Runs:
    """A line's stretches, with escapes undone."""
    parts = _BOLD.split(text)
    found = [Run(_ESCAPE.sub(r"\1", part), is_bold=bool(place % 2)) for place, part in enumerate(parts) if part]
    return tuple(found)


def plain(parts: Runs) -> str:
    """The text alone."""
    return "".join(run.text for run in parts)


def _items(lines: list[str]) -> Iterator[Runs]:
    item: list[str] = []
    for line in lines:
        if (mark := _LIST_ITEM.match(line)) and item:
            yield runs(" ".join(item))
            item = []
        item.append(line[mark.end() :] if mark else line)
    yield runs(" ".join(item))

"""Files as programs really write them: encodings, marks, delimiters, quotation marks, and what is no table."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.directory.csv_reading import MOST_ROWS, FileRefused, decode, read_table

TEXT = "E-Mail;Name;Abteilung\r\nü@example.org;Jürgen Größe;Büro\r\nzoe@example.org;Zoë;\r\n"


@pytest.mark.parametrize(
    ("content", "encoding", "is_guess"),
    [
        (TEXT.encode(), "UTF-8", False),
        (TEXT.encode("utf-8-sig"), "UTF-8", False),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16", False),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16", False),
        (TEXT.encode("utf-16-le"), "UTF-16", False),
        (TEXT.encode("utf-16-be"), "UTF-16", False),
        (TEXT.encode("cp1252"), "Windows-1252", True),
    ],
)
def test_every_encoding_gives_the_same_table(content: bytes, encoding: str, is_guess: bool) -> None:
    decoded = decode(content)
    assert (decoded.text, decoded.encoding, decoded.is_guess) == (TEXT, encoding, is_guess)
    table = read_table(decoded.text)
    assert table.header == ("E-Mail", "Name", "Abteilung")
    assert [(line.number, line.cells) for line in table.lines] == [
        (2, ("ü@example.org", "Jürgen Größe", "Büro")),
        (3, ("zoe@example.org", "Zoë", "")),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"PK\x03\x04workbook", "workbook"),
        (b"name\0mail", "not text"),
        (codecs.BOM_UTF32_LE + "name".encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF16_LE + b"a\0b", "says that it is UTF-16 and is not"),
        (codecs.BOM_UTF8 + b"\xff", "says that it is UTF-8 and is not"),
        (b"name\nfine\n\xc3\x81\xff\x81", "line 3 breaks it"),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        decode(content)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_outside_quotation_marks(delimiter: str) -> None:
    other = "," if delimiter == ";" else ";"
    text = (
        f'"Name{other}{other}{other}"{delimiter}Mail\n"O\'Hara{delimiter} ""Kim""\nLine two"{delimiter}k@example.org\n'
    )
    table = read_table(text)
    assert table.header == (f"Name{other}{other}{other}", "Mail")
    assert table.lines[0].cells == (f'O\'Hara{delimiter} "Kim"\nLine two', "k@example.org")


def test_lines_are_numbered_as_an_editor_does() -> None:
    table = read_table('a,b\n\n"x\ny",1\n,\nz,2\n')
    assert [(line.number, line.cells[1]) for line in table.lines] == [(3, "1"), (6, "2")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n", "no rows"),
        ('a,b\n"x,1\n', "Line 2 cannot be read"),
        ('a,b\n"x"y,1\n', "Line 2 cannot be read"),
        (",".join("c" * 101) + "\n1\n", "100 at most"),
        ("a,b\n\x00,1\n", "zero characters"),
        ("a\n" + "x\n" * (MOST_ROWS + 1), f"more than {MOST_ROWS} rows"),
    ],
)
def test_what_is_no_table_says_where(text: str, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        read_table(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    try:
        table = read_table(decode(content).text)
    except FileRefused:
        return
    assert table.lines

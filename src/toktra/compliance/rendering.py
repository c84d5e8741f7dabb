"""A text in Markdown as a page, a PDF or a word processor's document. Nothing is fetched: fonts are our own files."""

from __future__ import annotations

import io
from html import escape
from importlib.resources import files
from typing import Any, Final

from toktra.compliance.marking import Block, Heading, Items, Paragraph, Runs, Table, blocks, plain

_FONTS: Final = files("toktra") / "server" / "web" / "static" / "fonts"
_FONT_FILES: Final = ("commissioner-latin.woff2", "commissioner-latin-ext.woff2")
_STYLE: Final = (files("toktra.compliance") / "document.css").read_text("utf-8")
_SCREEN_STYLE: Final = (files("toktra.compliance") / "screen.css").read_text("utf-8")
_FONT_RULES: Final = "".join(
    f'@font-face {{ font-family: "Toktra Text"; src: url("font:{name}"); font-weight: {weight}; }}\n'
    for name in reversed(_FONT_FILES)
    for weight in (400, 700)
)


def title_of(markdown: str) -> str:
    """The text's first heading."""
    return next((plain(block.runs) for block in blocks(markdown) if isinstance(block, Heading)), "")


def as_html_part(markdown: str) -> str:
    """The text as HTML to be put into a page."""
    return "\n".join(_html(block) for block in blocks(markdown))


def as_html(markdown: str, language: str) -> str:
    """A whole page that needs no other file."""
    return _document(as_html_part(markdown), title_of(markdown), language, _STYLE + _SCREEN_STYLE)


def as_pdf(markdown: str, language: str) -> bytes:
    """A tagged PDF (PDF/UA-1). Needs Pango on the system; raises OSError when it is not there."""
    return pdf_of(as_html_part(markdown), title=title_of(markdown), language=language)


def pdf_of(body: str, *, title: str, language: str, style: str = "") -> bytes:
    """The same of HTML that is escaped already; `style` comes after the style of every document. Raises as `as_pdf`."""
    from weasyprint import HTML  # type: ignore[import-untyped]  # noqa: PLC0415 - loads Pango
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # type: ignore[import-untyped]  # noqa: PLC0415

    class OwnFonts(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            name = url.removeprefix("font:")
            if name not in _FONT_FILES:
                raise ValueError(f"{url} is no file of ours")
            return URLFetcherResponse(url, (_FONTS / name).read_bytes(), {"content-type": "font/woff2"})

    page = _document(body, title, language, _FONT_RULES + _STYLE + style)
    pdf: bytes = HTML(string=page, url_fetcher=OwnFonts()).write_pdf(pdf_variant="pdf/ua-1")
    return pdf


def as_docx(markdown: str, language: str) -> bytes:
    """A document to be worked on further."""
    from docx import Document  # noqa: PLC0415 - a slow import that most commands do not need

    document = Document()
    document.core_properties.title = title_of(markdown)
    document.core_properties.language = language
    document.core_properties.author = ""
    for block in blocks(markdown):
        match block:
            case Heading(level, parts):
                _write(document.add_heading(level=min(level, 4)), parts)
            case Paragraph(parts, is_quoted):
                _write(document.add_paragraph(style="Quote" if is_quoted else None), parts)
            case Items(items, is_numbered):
                for item in items:
                    _write(document.add_paragraph(style="List Number" if is_numbered else "List Bullet"), item)
            case Table(header, rows):
                table = document.add_table(rows=0, cols=len(header), style="Light Grid")
                for cells in (header, *rows):
                    row = table.add_row()
                    for cell, parts in zip(row.cells, cells, strict=True):
                        _write(cell.paragraphs[0], parts)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _write(paragraph: Any, parts: Runs) -> None:
    for run in parts:
        paragraph.add_run(run.text).bold = run.is_bold or None


def _document(body: str, title: str, language: str, style: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(level, parts):
            return f"<h{level}>{_text(parts)}</h{level}>"
        case Paragraph(parts, is_quoted):
            return f"<blockquote><p>{_text(parts)}</p></blockquote>" if is_quoted else f"<p>{_text(parts)}</p>"
        case Items(items, is_numbered):
            name = "ol" if is_numbered else "ul"
            return f"<{name}>\n" + "".join(f"<li>{_text(item)}</li>\n" for item in items) + f"</{name}>"
        case Table(header, rows):
            head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in header)
            body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
            label = escape(", ".join(plain(cell) for cell in header))
            table = f'<table class="table">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>'
            return f'<div class="table-wrap" role="group" aria-label="{label}" tabindex="0">{table}</div>'


def _text(parts: Runs) -> str:
    return "".join(f"<strong>{escape(run.text)}</strong>" if run.is_bold else escape(run.text) for run in parts)

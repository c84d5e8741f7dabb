"""Pages hold nothing that the strict policy would refuse, and no text that gettext cannot find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.ext import i18n

import toktra.server

PAGES = sorted(Path(toktra.server.__file__).parent.rglob("*.html"))
SERVED = [page for page in PAGES if page.name != "copy.html"]  # that one stands alone in a file


@pytest.mark.parametrize("page", SERVED, ids=lambda page: page.name)
def test_nothing_inline_and_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    for forbidden in (r"\sstyle=", r"<style", r"<script(?![^>]*\ssrc=)", r"\son[a-z]+=", r"https?://", r"\|\s*safe\b"):
        assert not re.search(forbidden, text), forbidden


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_word_on_a_page_goes_through_gettext(page: Path) -> None:
    """What is left after tags, template expressions and commands are taken away must hold no words but names."""
    text = re.sub(
        r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<code.*?</code>|<style.*?</style>", " ", page.read_text(), flags=re.DOTALL
    )
    attributes = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', text)
    left = re.sub(r"<[^>]*>", " ", text) + " ".join(attributes)
    words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"&\w+;", " ", left)))
    assert words <= {"Toktra", "UTC"}


def test_texts_can_be_extracted() -> None:
    environment = Environment(extensions=[i18n], autoescape=True)
    found = [
        message
        for page in PAGES
        for _line, _function, message in environment.extract_translations(page.read_text())  # type: ignore[attr-defined]
    ]
    assert len(found) > 80

"""The page in each of its languages: every text has a translation, and none is left that the page has no more."""

from __future__ import annotations

import re

import httpx
import pytest

from toktra.personal.languages import MARKED, SOURCE, catalogues, choose
from toktra.personal.pages import OWN, PAGE

OTHERS = sorted(set(catalogues()) - {SOURCE})
_SAID = re.compile(r"""\b_\("((?:[^"\\]|\\.)*)\"""")
_NAMES = re.compile(r"\{\w+\}|</?\w+>")


def texts() -> set[str]:
    in_page = {found[1] for found in MARKED.finditer(PAGE.read_text("utf-8"))}
    return in_page | {text for script in OWN.glob("*.js") for text in _SAID.findall(script.read_text("utf-8"))}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_keeps_its_names(language: str) -> None:
    catalogue = catalogues()[language]
    assert catalogue.keys() == texts()
    for english, other in catalogue.items():
        assert sorted(_NAMES.findall(english)) == sorted(_NAMES.findall(other)), english


def test_no_text_of_the_page_is_left_out() -> None:
    page = re.sub(r"<[^>]*>", "\n", MARKED.sub("", PAGE.read_text("utf-8")))
    left = {line.strip() for line in page.splitlines() if re.search("[A-Za-z]", line)}
    assert left == {"· Toktra", "Toktra", "CSV", "JSON", "{languages}", "Toktra {version}"}
    assert not re.search(r'(?:aria-label|placeholder|title|alt)="[^"[]', PAGE.read_text("utf-8"))


@pytest.mark.parametrize(
    ("chosen", "wishes", "answer"),
    [
        ("", "", "en"),
        ("", "de-AT,en;q=0.5", "de"),
        ("", "en;q=0.4, de-CH;q=0.9", "de"),
        ("", "fr, de;q=0", "en"),
        ("", "de;q=nonsense, ;;;, *", "en"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
    ],
)
def test_the_choice_goes_before_the_browsers_wishes(chosen: str, wishes: str, answer: str) -> None:
    assert choose(chosen, wishes, {"en", "de"}) == answer


async def test_the_page_is_served_as_it_was_asked_for(api: httpx.AsyncClient) -> None:
    for path, wishes, language, word in (
        ("/", "de-DE,de;q=0.9", "de", "Mein persönliches Journal"),
        ("/?lang=en", "de", "en", "My personal ledger"),
        ("/", "fr", "en", "My personal ledger"),
    ):
        page = await api.get(path, headers={"accept-language": wishes})
        assert f'<html lang="{language}">' in page.text
        assert f"<h1>{word}</h1>" in page.text
        assert page.headers["vary"] == "accept-language"
        assert "[[" not in page.text
        assert "set-cookie" not in page.headers
    script = re.search(r'src="([^"]*)ledger.js"', page.text)
    assert script is not None
    german = await api.get(f"{script[1]}locale/de.js")
    assert german.text.startswith("export default {")
    assert "immutable" in german.headers["cache-control"]

"""Each request speaks its reader's language, also in texts that were made before any request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from babel.messages.pofile import read_po
from scripts.build_catalogues import missing, template

from toktra.server.web import language, language_choice
from toktra.server.web.language import LOCALE, OFFERED, SOURCE, Text, gettext, ngettext, speak, spoken
from toktra.server.web.language_choice import choose

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Sign in"
msgstr "Anmelden"

msgid "Employee"
msgstr "Beschäftigte"

msgid "%(n)s day"
msgid_plural "%(n)s days"
msgstr[0] "%(n)s Tag"
msgstr[1] "%(n)s Tage"
"""


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue of a few texts, offered beside English."""
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "toktra.po").write_text(CATALOGUE, "utf-8")
    offered = {"en": "English", "de": "Deutsch"}
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    monkeypatch.setattr(language, "OFFERED", offered)
    monkeypatch.setattr(language_choice, "OFFERED", offered)
    language.forget_catalogues()
    yield
    language.forget_catalogues()


@pytest.mark.parametrize(
    ("chosen", "wishes", "answer"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-AT,en;q=0.5", "de"),
        ("", "en;q=0.4, de-CH;q=0.9", "de"),
        ("", "fr, de;q=0.1", "de"),
        ("", "de;q=0", "en"),
        ("", "de;q=nonsense, ;;;, *", "en"),
        ("", "fr," * 1000 + "de", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
    ],
)
def test_the_choice_goes_before_the_browsers_wishes(chosen: str, wishes: str, answer: str) -> None:
    assert choose(chosen, wishes, {"en", "de"}) == answer


async def test_a_text_made_before_any_request_speaks_the_readers_language(german: None) -> None:
    del german
    made = gettext("Employee")
    assert isinstance(made, Text)

    async def read(code: str) -> tuple[str, ...]:
        speak(code)
        await asyncio.sleep(0)
        days = ngettext("%(n)s day", "%(n)s days", 2) % {"n": 2}
        return str(made), f"{made:>2}", made + "!", made.lower(), made[:4], "%s" % made, days, spoken()  # noqa: UP031

    german_words, english_words = await asyncio.gather(read("de"), read("en"))
    assert german_words == (
        *("Beschäftigte",) * 2,
        "Beschäftigte!",
        "beschäftigte",
        "Besc",
        "Beschäftigte",
        "2 Tage",
        "de",
    )
    assert english_words == (*("Employee",) * 2, "Employee!", "employee", "Empl", "Employee", "2 days", "en")
    assert made == "Employee"
    assert (Text("%(n)s days") % {"n": 3}, "> " + Text("a")) == ("3 days", "> a")


async def test_pages_speak_it_and_keep_a_choice_in_the_browser(
    api: httpx.AsyncClient, tenant: object, german: None
) -> None:
    del tenant, german
    page = await api.get("/sign-in/north", headers={"accept-language": "de"})
    assert '<html lang="de">' in page.text
    assert "<h1>Anmelden</h1>" in page.text
    assert "Use a recovery code" in page.text  # what the catalogue lacks stays English
    assert '<html lang="en">' in (await api.get("/sign-in/north")).text
    back = {"referer": "http://test/sign-in/north?next=/me", "host": "test"}
    chosen = await api.post("/language", data={"language": "de"}, headers=back)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/sign-in/north?next=/me")
    assert "HttpOnly" in chosen.headers["set-cookie"]
    assert '<html lang="de">' in (await api.get("/sign-in/north", headers={"accept-language": "en"})).text
    refused = await api.post("/language", data={"language": "tlh"})
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)
    elsewhere = await api.post("/language", data={"language": "en"}, headers={"referer": "https://evil.example/x"})
    assert "evil" not in elsewhere.headers["location"]


def test_texts_of_code_and_pages_are_found_for_translators() -> None:
    found = template()
    for text in ("Sign in", "Work e-mail", "Employee", "%(n)s codes are left.", "Use a passkey"):
        assert any(text in (one.id if isinstance(one.id, tuple) else (one.id,)) for one in found), text


@pytest.mark.parametrize("code", sorted(path.name for path in LOCALE.iterdir() if path.is_dir()))
def test_a_catalogue_can_be_read_and_keeps_every_placeholder(code: str) -> None:
    catalogue = read_po(BytesIO((LOCALE / code / "toktra.po").read_bytes()), locale=code)
    for message in catalogue:
        ids = message.id if isinstance(message.id, tuple | list) else (str(message.id),)
        texts = message.string if isinstance(message.string, tuple | list) else (str(message.string or ""),)
        wanted = [set(re.findall(r"%\(\w+\)\w|%%", one)) for one in ids]
        for text, parts in zip(texts, wanted, strict=True):
            if message.id and text:
                assert set(re.findall(r"%\(\w+\)\w|%%", text)) == parts, text


@pytest.mark.parametrize("code", sorted(set(OFFERED) - {SOURCE}) or [SOURCE])
def test_a_language_that_is_offered_is_complete(code: str) -> None:
    """Whoever offers a language in OFFERED promises this; until then its catalogue may have gaps."""
    assert code == SOURCE or missing(code) == []

"""Texts in the reader's language. English is in the source; a catalogue in `locale` replaces it where one is complete.

Which language, each request says (see language_choice.py). Texts that are made before any request, such as the words of
an enumeration, are translated when they are read.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, SupportsIndex

SOURCE: Final = "en"
OFFERED: Final[Mapping[str, str]] = MappingProxyType({SOURCE: "English", "de": "Deutsch"})
"""Languages that readers may choose: code and own name. Each has a complete catalogue; a test sees to it."""
LOCALE: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "toktra"

_current: Final[ContextVar[str | None]] = ContextVar("language", default=None)


def speak(code: str) -> None:
    """From here on, in this request, texts are in this language."""
    _current.set(code)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Texts made within are in this language, such as those of a file that is the same for every reader."""
    before = _current.set(code)
    try:
        yield
    finally:
        _current.reset(before)


def spoken() -> str:
    """The code of the language of this request, as the `lang` attribute takes it."""
    return _current.get() or SOURCE


class Text(str):
    """A text made outside any request: English where it is compared, in the reader's language where it is read."""

    __slots__ = ()

    def __str__(self) -> str:
        return _catalogue(spoken()).gettext(str.__str__(self))

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)

    def __mod__(self, values: Any) -> str:
        text: str = str(self) % values
        return text

    def __add__(self, other: str) -> str:
        return str(self) + other

    def __radd__(self, other: str) -> str:
        return other + str(self)

    def __getitem__(self, place: SupportsIndex | slice) -> str:
        return str(self)[place]

    def lower(self) -> str:
        return str(self).lower()


def gettext(message: str) -> str:
    """The message in the reader's language."""
    language = _current.get()
    return Text(message) if language is None else _catalogue(language).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of the message that the number needs, in the reader's language."""
    return _catalogue(spoken()).ngettext(singular, plural, number)


_ = gettext


@cache
def _catalogue(language: str) -> _gettext.NullTranslations:
    """A language's texts; none for English. Read as translators write them, so that nothing is to be built."""
    if language == SOURCE:
        return _gettext.NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - slow to import, and English needs none of it
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with (LOCALE / language / f"{DOMAIN}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return _gettext.GNUTranslations(compiled)


def forget_catalogues() -> None:
    """Reads catalogues anew when they are next needed."""
    _catalogue.cache_clear()

"""The language of the tray's texts: that of the desktop where it is translated, otherwise English."""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Sequence
from pathlib import Path
from typing import Final

DOMAIN: Final = "tray"
LOCALE: Final = Path(__file__).parent / "locale"

_translations: _gettext.NullTranslations = _gettext.NullTranslations()


def use_language(names: Sequence[str]) -> None:
    """Takes the first of these languages that there is, like de-AT or en_GB; English is always there."""
    global _translations  # noqa: PLW0603 - one process shows one desktop's language
    _translations = _gettext.NullTranslations()
    for name in names:
        wanted = name.replace("-", "_")
        if wanted.partition("_")[0] == "en":
            return
        if _gettext.find(DOMAIN, LOCALE, [wanted]):
            _translations = _gettext.translation(DOMAIN, LOCALE, [wanted])
            return


def _(text: str) -> str:
    """The text in the language in use."""
    return _translations.gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """The text that fits a number, in the language in use; `%(n)s` stands for the number."""
    return _translations.ngettext(one, many, number)

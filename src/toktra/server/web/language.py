"""Texts in the reader's language. English is in the source; a catalogue named toktra replaces it where one exists."""

from __future__ import annotations

import gettext as _gettext
from pathlib import Path
from typing import Final

_translations: Final = _gettext.translation("toktra", Path(__file__).parent / "locale", fallback=True)

_ = gettext = _translations.gettext
ngettext = _translations.ngettext

"""The page's languages: English stands in its source, `locale/LANGUAGE.json` has the same texts in another one.

Which one is said by `?lang=` or by the browser's own wish; nothing is stored of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

SOURCE: Final = "en"
LOCALE: Final = Path(__file__).parent / "locale"
OWN_NAMES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
MARKED: Final = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)
"""A text in a page's source."""
_MOST_WISHES: Final = 20


def catalogues() -> dict[str, dict[str, str]]:
    """The texts of each language by their English; none for English itself."""
    return {SOURCE: {}} | {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(LOCALE.glob("*.json"))
        if path.stem in OWN_NAMES
    }


def in_language(page: str, texts: Mapping[str, str]) -> str:
    """A page's source with each marked text in a language; what is not translated stays English."""
    return MARKED.sub(lambda found: texts.get(found[1], found[1]), page)


def choose(chosen: str, wishes: str, offered: Collection[str]) -> str:
    """The language to answer in: `chosen` if it is offered, else by an Accept-Language header (RFC 9110, 12.5.4)."""
    if chosen in offered:
        return chosen
    ranked: list[tuple[float, str]] = []
    for wish in wishes.split(",")[:_MOST_WISHES]:
        tag, _separator, weight = wish.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        code = tag.strip().lower().partition("-")[0]
        if code in offered and 0 < quality <= 1:
            ranked.append((quality, code))
    return max(ranked, key=lambda one: one[0])[1] if ranked else SOURCE

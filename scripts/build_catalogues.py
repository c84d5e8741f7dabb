"""Collects the texts of all pages for translators: `scripts/build_catalogues.py` brings every catalogue up to date.

A catalogue is src/toktra/server/web/locale/<language>/toktra.po, read by the server as it is; nothing is compiled. A
new language begins with `--new de`; `--missing de` lists what its catalogue lacks. When nothing is missing, the
language is added to OFFERED in src/toktra/server/web/language.py, and from then on a test fails for every text without
translation.
"""

from __future__ import annotations

import argparse
import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "toktra"
LOCALE = SOURCE / "server" / "web" / "locale"
METHODS = [("server/**.py", "python"), ("compliance/**.py", "python"), ("**/*.html", "jinja2.ext:babel_extract")]
OPTIONS = {"**/*.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
_CHANGING = re.compile(
    rb'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team'
    rb"|Project-Id-Version|Report-Msgid-Bugs-To): .*\n",
    re.MULTILINE,
)


def template() -> Catalog:
    """Every text there is, with the files it is in."""
    catalogue = Catalog(project="Toktra", charset="utf-8", header_comment="# Texts of Toktra.")
    for file, line, message, comments, context in extract_from_dir(
        SOURCE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",)
    ):
        catalogue.add(message, None, [(f"src/toktra/{file}", line)], auto_comments=comments, context=context)
    return catalogue


def missing(language: str) -> list[str]:
    """The texts without a translation, among those that the pages have now."""
    catalogue = read(language)
    catalogue.update(template(), no_fuzzy_matching=True)
    return [_words(one.id) for one in catalogue if one.id and (one.fuzzy or not _is_translated(one.string))]


def read(language: str) -> Catalog:
    return read_po(BytesIO((LOCALE / language / "toktra.po").read_bytes()), locale=language, domain="toktra")


def write(language: str, catalogue: Catalog) -> None:
    """Without dates and line numbers, so that only texts make a difference."""
    catalogue.fuzzy, catalogue.header_comment = False, f"# The texts of Toktra: {language}."
    out = BytesIO()
    write_po(out, catalogue, width=100, sort_output=True, include_lineno=False, ignore_obsolete=True)
    path = LOCALE / language / "toktra.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_CHANGING.sub(b"", out.getvalue()))


def _is_translated(string: object) -> bool:
    parts = string if isinstance(string, tuple | list) else (string,)
    return all(parts)


def _words(message_id: object) -> str:
    return str(message_id[0]) if isinstance(message_id, tuple | list) else str(message_id)


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--new", metavar="LANGUAGE", help="begin a catalogue")
    arguments.add_argument("--missing", metavar="LANGUAGE", help="list what a catalogue lacks")
    given = arguments.parse_args()
    if given.missing:
        lacking = missing(given.missing)
        print("\n".join(lacking))
        return 1 if lacking else 0
    if given.new:
        write(given.new, Catalog(locale=given.new, project="Toktra", charset="utf-8"))
    texts = template()
    for folder in sorted(path for path in LOCALE.iterdir() if path.is_dir()):
        catalogue = read(folder.name)
        catalogue.update(texts, no_fuzzy_matching=True)
        write(folder.name, catalogue)
        print(f"{folder.name}: {len(missing(folder.name))} of {len(texts)} texts are missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())

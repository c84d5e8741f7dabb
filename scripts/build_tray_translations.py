"""Keeps the tray's translations whole: collects its texts into each .po file and compiles the .mo files it loads.

build_tray_translations.py            collect and compile; new texts are left empty to be translated
build_tray_translations.py --check    exit with 1 when a text is missing, empty, unsure or not compiled
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HEADER = "# Texts of the tray. Translate here, then run scripts/build_tray_translations.py."
TRAY = Path(__file__).parents[1] / "src/toktra/agent/tray"


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is not up to date")
    check = parser.parse_args().check
    wrong = [fault for po in sorted(TRAY.glob("locale/*/LC_MESSAGES/*.po")) for fault in _bring_up_to_date(po, check)]
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


def _bring_up_to_date(po: Path, check: bool) -> list[str]:
    catalog = read_po(io.BytesIO(po.read_bytes()), locale=po.parts[-3])
    written = catalog.creation_date
    catalog.update(_texts(), no_fuzzy_matching=True)
    catalog.creation_date = written  # so that the same texts give the same file
    catalog.header_comment = HEADER
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = ""
    catalog.obsolete.clear()
    faults = [
        f"{po.name} ({po.parts[-3]}): not translated: {one.id!r}" for one in catalog if one.id and not _whole(one)
    ]
    for path, content in ((po, _po(catalog)), (po.with_suffix(".mo"), _mo(catalog))):
        if check and (not path.exists() or path.read_bytes() != content):
            faults.append(f"{path.name} ({po.parts[-3]}): run scripts/build_tray_translations.py")
        elif not check:
            path.write_bytes(content)
    return faults


def _texts() -> Catalog:
    catalog = Catalog()
    keywords = {"_": None, "ngettext": (1, 2)}
    found = extract_from_dir(str(TRAY), [("**.py", "python")], keywords=keywords, comment_tags=("Translators:",))
    for _file, _line, message, comments, _context in found:
        catalog.add(message, auto_comments=comments)
    return catalog


def _whole(message: object) -> bool:
    text = getattr(message, "string", "")
    return all(text) if isinstance(text, tuple) else bool(text)


def _po(catalog: Catalog) -> bytes:
    content = io.BytesIO()
    write_po(content, catalog, width=110, omit_header=False, sort_output=True, no_location=True)
    return content.getvalue()


def _mo(catalog: Catalog) -> bytes:
    content = io.BytesIO()
    write_mo(content, catalog)
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(main())

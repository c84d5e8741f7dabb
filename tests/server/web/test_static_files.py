"""Vendored files are byte for byte what the manifest says; addresses change with content; nothing else is served."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

from toktra.server.web.static_files import FOLDER, StaticFiles

MANIFEST = tomllib.loads((FOLDER / "vendor" / "manifest.toml").read_text())["file"]
OURS = {
    "tokens.css",
    "components.css",
    "site.css",
    "live.js",
    "mark.svg",
    "passkeys.js",
    "week.js",
    "vendor/manifest.toml",
}


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["path"])
def test_vendored_file(entry: dict[str, str]) -> None:
    assert hashlib.sha256((FOLDER / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["version"]
    assert entry["licence"]


def test_every_static_file_is_ours_or_in_the_manifest() -> None:
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert present == OURS | {entry["path"] for entry in MANIFEST}


def test_an_address_changes_with_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    before = StaticFiles.load(tmp_path)
    (tmp_path / "a.css").write_text("b{}")
    after = StaticFiles.load(tmp_path)
    assert before.address("a.css") != after.address("a.css")
    (tmp_path / "b.css").write_text("")
    assert StaticFiles.load(tmp_path).version != after.version


def test_only_the_current_address_is_kept_for_ever() -> None:
    files = StaticFiles.load()
    current, older = files.answer(files.version, "site.css"), files.answer("0" * 12, "site.css")
    assert current is not None
    assert older is not None
    assert "immutable" in current.headers["cache-control"]
    assert older.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../page.py", "vendor/manifest.toml", "", "/etc/hostname", "site.css/"])
def test_nothing_else_is_served(name: str) -> None:
    assert StaticFiles.load().answer("x", name) is None


def test_no_page_can_link_to_a_missing_file() -> None:
    with pytest.raises(KeyError):
        StaticFiles.load().address("missing.css")


def test_the_style_sheets_ask_for_nothing_from_elsewhere() -> None:
    for sheet in FOLDER.rglob("*.css"):
        text = sheet.read_text()
        assert "http" not in text.replace('href^="http"', ""), sheet
        assert "@import" not in text

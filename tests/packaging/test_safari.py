"""The Xcode project for Safari: whole in itself, and its resources are the extension's. Nothing here can build it."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SAFARI = ROOT / "packaging" / "safari"
PROJECT = plistlib.loads((SAFARI / "Toktra.xcodeproj" / "project.pbxproj").read_bytes())
OBJECTS: dict[str, dict[str, Any]] = PROJECT["objects"]


def of(isa: str) -> Iterator[dict[str, Any]]:
    return (one for one in OBJECTS.values() if one["isa"] == isa)


def test_it_is_up_to_date() -> None:
    check = [sys.executable, str(ROOT / "scripts/build_safari_project.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_resources_are_what_ships_of_the_extension_where_it_lies() -> None:
    [phase] = of("PBXResourcesBuildPhase")
    named = {(SAFARI / OBJECTS[OBJECTS[one]["fileRef"]]["path"]).resolve() for one in phase["files"]}
    shipped = set((ROOT / "extension").iterdir()) - {ROOT / "extension" / "uses.toml"}
    assert named == shipped


def test_every_file_it_names_is_there() -> None:
    named = [one["path"] for one in of("PBXFileReference") if one["sourceTree"] == "SOURCE_ROOT"]
    for settings in of("XCBuildConfiguration"):
        named += [
            value for name, value in settings["buildSettings"].items() if name.endswith(("_ENTITLEMENTS", "LIST_FILE"))
        ]
    paths = [path for path in named if path not in ("YES", "NO")]
    assert len(paths) > 10
    assert [path for path in paths if not (SAFARI / path).exists()] == []


def test_every_object_it_refers_to_is_one_of_its_own() -> None:
    def referred(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for one in value.values():
                yield from referred(one)
        elif isinstance(value, list):
            for one in value:
                yield from referred(one)
        elif isinstance(value, str) and len(value) == 24 and set(value) <= set("0123456789ABCDEF"):
            yield value

    assert set(referred(PROJECT)) == OBJECTS.keys()  # nothing is missing, and nothing lies about unused
    assert OBJECTS[PROJECT["rootObject"]]["isa"] == "PBXProject"


@pytest.mark.parametrize("name", ["App/App.entitlements", "Extension/Extension.entitlements"])
def test_both_run_in_the_sandbox_and_reach_no_network(name: str) -> None:
    assert plistlib.loads((SAFARI / name).read_bytes()) == {"com.apple.security.app-sandbox": True}


def test_safari_finds_the_handler_that_the_project_compiles() -> None:
    extension = plistlib.loads((SAFARI / "Extension" / "Info.plist").read_bytes())["NSExtension"]
    handler = extension["NSExtensionPrincipalClass"].rpartition(".")[2]
    assert f"class {handler}" in (SAFARI / "Extension" / f"{handler}.swift").read_text()

"""What Mozilla's own linter, which is what `web-ext lint` runs, says of the package for Firefox."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.lab.npm import NotInstalled, installed

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "scripts" / "build_extension.py"


@pytest.fixture(scope="module")
def linter() -> Path:
    try:
        return installed(ROOT / "tests" / "lab" / "lint") / "node_modules" / ".bin" / "addons-linter"
    except NotInstalled as reason:
        pytest.skip(str(reason))


def lint(linter: Path, package: Path) -> dict[str, Any]:
    done = subprocess.run(
        [linter, "--output", "json", package], capture_output=True, text=True, check=False, timeout=120
    )
    return dict(json.loads(done.stdout))


def test_it_has_nothing_to_say_of_ours_and_something_of_a_worse_one(linter: Path, tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    subprocess.run([sys.executable, str(BUILD), "--pack", "firefox", str(package)], check=True)
    said = lint(linter, package)
    assert said["summary"] == {"errors": 0, "notices": 0, "warnings": 0}, said
    assert said["metadata"]["manifestVersion"] == 3

    worse = tmp_path / "worse"
    with zipfile.ZipFile(package) as whole:
        whole.extractall(worse)
    worker = worse / "worker.js"
    worker.write_text(worker.read_text() + "\neval(atob(''));\n")
    assert lint(linter, worse)["warnings"]

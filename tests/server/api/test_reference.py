"""The printed reference is that of the program, and the document has what a reader of it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toktra.server.api.app import api_app, document

ROOT = Path(__file__).parents[3]


def test_the_reference_is_up_to_date() -> None:
    check = subprocess.run([sys.executable, "scripts/build_api_reference.py", "--check"], cwd=ROOT, check=False)
    assert check.returncode == 0, "run scripts/build_api_reference.py"


@pytest.mark.parametrize(
    ("path", "method", "said"),
    [(path, method, said) for path, all_ in document(api_app(None))["paths"].items() for method, said in all_.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_operation_says_what_it_is_and_how_it_refuses(path: str, method: str, said: dict[str, object]) -> None:
    assert said["summary"]
    assert said["description"], (method, path)
    responses = said["responses"]
    assert isinstance(responses, dict)
    assert {"401", "403", "422", "429", "503"} <= set(responses)
    assert ("413" in responses) == (method == "post")

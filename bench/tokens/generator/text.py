"""Texts to talk about, from what every Python brings along: its sources and the prose inside them."""

from __future__ import annotations

import ast
import random
import sysconfig
from functools import cache
from pathlib import Path

LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = 400


@cache
def sources() -> list[str]:
    """Source files of the standard library."""
    files = sorted(LIBRARY.glob("*.py"))[:MODULES] + sorted(LIBRARY.glob("*/[a-z]*.py"))[:MODULES]
    return [file.read_text("utf-8", "replace") for file in files if "test" not in file.parts[-2:]]


@cache
def prose() -> list[str]:
    """Docstrings long enough to be paragraphs."""
    found: list[str] = []
    for source in sources():
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(node) or ""
                if len(text) > 200:
                    found.append(text)
    return found


def passage(random: random.Random, characters: int, code: bool) -> str:
    """About so many characters of prose or of code."""
    texts = sources() if code else prose()
    parts: list[str] = []
    missing = characters
    while missing > 0:
        text = random.choice(texts)
        start = random.randrange(max(1, len(text) - missing)) if code else 0
        part = text[start : start + missing]
        parts.append(part)
        missing -= len(part) + 2
    return "\n\n".join(parts)

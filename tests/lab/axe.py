"""What axe-core finds on a page that a browser shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_RUN: Final = """async rules => (await axe.run(
    {include: ['html'], exclude: ['tbody > tr:nth-child(n+8)']},
    {runOnly: rules, resultTypes: ['violations'], preload: false})).violations"""
"""Half of axe's time went into describing what is right, and into fetching all style sheets anew; and most of the rest
into the colours of every cell of long tables, whose rows are made by one template.

Only an experimental rule, which is none of ours, reads style sheets; colours are looked at as the browser shows them.
"""


def violations(page: Page) -> list[str]:
    """Every fault with its rule, its place and its text."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + "; undefined")  # without a value, which would be sent back
    found = page.evaluate(_RUN, RULES)
    return [f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found for node in one["nodes"]]

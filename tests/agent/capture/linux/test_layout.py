"""The sizes and places the agent reads at are those the kernel program is compiled with."""

from __future__ import annotations

import re
from pathlib import Path
from struct import Struct

import pytest

import toktra.agent.capture.linux
from toktra.agent.capture.linux import layout
from toktra.agent.capture.linux.layout import EventKind, Tally
from toktra.agent.capture.meter import State

PROGRAM = Path(toktra.agent.capture.linux.__file__).parent / "program"
SOURCE = "".join(path.read_text("utf-8") for path in sorted(PROGRAM.iterdir()))
PINNED = re.findall(r'== (\d+), "layout\.py: (\w+)"', SOURCE)


@pytest.mark.parametrize(("number", "name"), PINNED)
def test_what_the_compiler_asserts_is_what_the_agent_uses(number: str, name: str) -> None:
    ours = getattr(layout, name)
    assert (ours.size if isinstance(ours, Struct) else ours) == int(number)


def test_enough_is_pinned() -> None:
    assert len(PINNED) >= 8


@pytest.mark.parametrize(
    ("enum", "members"),
    [
        ("event_kind", [f"EVENT_{kind.name}" for kind in EventKind]),
        ("tally", [*(f"TALLY_{tally.name}" for tally in Tally), "TALLY_COUNT"]),
        ("exchange_state", [f"STATE_{state.name}" for state in State]),
    ],
)
def test_enumerations_have_the_same_members_in_the_same_order(enum: str, members: list[str]) -> None:
    body = re.search(rf"enum {enum} \{{(.*?)\}}", SOURCE, re.DOTALL)
    assert body
    assert re.findall(r"\b((?:EVENT|TALLY|STATE)_\w+)", re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)) == members


def test_events_of_an_unknown_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="99"):
        layout.read_event(layout.EVENT_HEADER.pack(99, 0, bytes(32), 0))

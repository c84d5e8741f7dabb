from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.people.tokens import Token


def test_a_token_survives_its_way_through_a_link_and_shows_its_secret_nowhere_else() -> None:
    token = Token.new("north")
    assert Token.parse(str(token)) == token
    assert token.secret not in repr(token)
    assert token.secret.encode() not in token.hash
    assert Token.new("north").hash != token.hash


@pytest.mark.parametrize(
    "text",
    ["", ".", "north", "north.", ".x", "north.short", "North." + "a" * 43, "north." + "a" * 44, "a.b." + "a" * 43,
     "north." + "a" * 43 + "\n", "north." + "ä" * 43, "-." + "a" * 43, "n" * 33 + "." + "a" * 43],
)  # fmt: skip
def test_what_cannot_be_a_token_is_none(text: str) -> None:
    assert Token.parse(text) is None


@given(st.text())
def test_parsing_never_raises(text: str) -> None:
    token = Token.parse(text)
    assert token is None or str(token) == text

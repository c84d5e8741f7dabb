"""What providers are used for is said in every language that is offered, and in English as the catalogue says it."""

from __future__ import annotations

from toktra.catalogue.providers import kinds
from toktra.server.usage.kinds import KIND_WORDS


def test_every_kind_of_the_catalogue_has_its_words() -> None:
    assert dict(KIND_WORDS) == dict(kinds())
    assert list(KIND_WORDS) == list(kinds())

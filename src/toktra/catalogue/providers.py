"""What the catalogue says of a provider, and the question everyone asks it: whose host is this?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from toktra.catalogue.matching import HostMatcher


class Kind(StrEnum):
    """What people use a provider for."""

    API = "api"
    CHAT = "chat"
    CODING_ASSISTANT = "coding-assistant"
    IMAGE_VOICE = "image-voice"
    SEARCH = "search"

    @property
    def label(self) -> str:
        """The kind as a page names it."""
        return _LABELS[self]


_LABELS: Final[Mapping[Kind, str]] = {
    Kind.API: "Model API",
    Kind.CHAT: "Chat",
    Kind.CODING_ASSISTANT: "Coding assistant",
    Kind.IMAGE_VOICE: "Image, video and voice",
    Kind.SEARCH: "Search and research",
}


def kinds() -> Mapping[Kind, str]:
    """Every kind with its label in plain English, in the order a page lists them."""
    return _LABELS


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One AI service as people know it. `name` is what a page shows."""

    id: str
    name: str
    kind: Kind
    hosts: Mapping[str, str] = {}
    """Exact host names, each with where it is documented. Iterating gives the names."""
    suffixes: Mapping[str, str] = {}
    """Names below which every host is this provider's (openai.azure.com), each with where that is documented."""
    patterns: Mapping[str, str] = {}
    """Names with one `*` for exactly one label (bedrock-runtime.*.amazonaws.com), likewise."""
    left_out: Mapping[str, str] = {}
    """Hosts that carry this provider's AI or lie below its names and are not counted all the same, each with why."""
    note: str | None = None
    """What a reader of the figures should know."""
    price_key: str | None = None
    """The price list that applies (a provider id of genai-prices); None where tokens have no list price."""
    other_price_keys: tuple[str, ...] = ()
    """Price lists that apply to the same hosts and cannot be told apart by host name."""
    assumed_model: str | None = None
    """The model of `price_key` that stands for all use until an organisation says better."""

    def __hash__(self) -> int:
        return hash(self.id)

    def rules(self) -> Iterator[str]:
        """Every name this provider is recognised by: hosts, suffixes, patterns."""
        yield from self.hosts
        yield from self.suffixes
        yield from self.patterns


class Catalogue:
    """All known providers. Immutable; get one from `load_catalogue`."""

    __slots__ = ("_by_id", "_matcher")

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_id = {provider.id: provider for provider in providers}
        listed = self._by_id.values()
        self._matcher: HostMatcher[Provider] = HostMatcher(
            exact={host: provider for provider in listed for host in provider.hosts},
            suffixes={suffix: provider for provider in listed for suffix in provider.suffixes},
            patterns={pattern: provider for provider in listed for pattern in provider.patterns},
            left_out=(host for provider in listed for host in provider.left_out),
        )

    def find(self, host: str) -> Provider | None:
        """Whose host this is; None when it is nobody's. Case and one trailing dot do not matter."""
        return self._matcher.find(host)

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Every provider, in the order of the catalogue file, a tenant's own last."""
        return tuple(self._by_id.values())

    def get(self, provider_id: str) -> Provider | None:
        """The provider of this id."""
        return self._by_id.get(provider_id)

    def __len__(self) -> int:
        return len(self._by_id)

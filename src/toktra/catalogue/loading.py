"""The catalogue read from its files: the shipped providers.toml, and a tenant's own additions in the same format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from toktra.catalogue.matching import is_host, patterns_meet, suffix_covers
from toktra.catalogue.providers import Catalogue, Kind, Provider
from toktra.catalogue.public_suffixes import is_public_suffix

SHIPPED: Final = Path(__file__).with_name("providers.toml")
MAX_FILE_BYTES: Final = 1 << 20

MAX_NAME: Final = 60

Text = Annotated[str, Meta(max_length=300)]
Sourced = dict[str, Text]

_id = re.compile(r"[a-z0-9](-?[a-z0-9])*")


class CatalogueError(ValueError):
    """A catalogue file cannot be used, and nothing of it is."""

    def __init__(self, file: Path, where: str, reason: str) -> None:
        super().__init__(f"{file}: {where}: {reason}" if where else f"{file}: {reason}")
        self.file = file
        self.where = where
        """The provider and field at fault, such as: provider "acme", suffixes."""
        self.reason = reason


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One [[provider]] as written. Name and kind may be missing only where hosts are added to a known provider."""

    id: Annotated[str, Meta(max_length=40)]
    name: Annotated[str, Meta(max_length=MAX_NAME)] | None = None
    kind: Kind | None = None
    hosts: Sourced = {}
    suffixes: Sourced = {}
    patterns: Sourced = {}
    left_out: Sourced = {}
    note: Text | None = None
    price_key: Text | None = None
    other_price_keys: tuple[Text, ...] = ()
    assumed_model: Text | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: list[_Entry] = []
    checked_on: date | None = None
    """When the hosts were last compared with their documentation."""


@cache
def load_catalogue(additions: Path | None = None) -> Catalogue:
    """The shipped catalogue, with the providers and hosts of a tenant's own file when there is one.

    Read once per file and process. Raises CatalogueError, which names the provider and field, and OSError when the
    additions cannot be read.
    """
    providers = {entry.id: _new_provider(SHIPPED, entry) for entry in _read(SHIPPED)}
    if additions is not None:
        for entry in _read(additions):
            providers[entry.id] = _added(additions, entry, providers)
    return Catalogue(providers.values())


def _read(file: Path) -> Iterator[_Entry]:
    if file.stat().st_size > MAX_FILE_BYTES:
        raise CatalogueError(file, "", f"is larger than {MAX_FILE_BYTES} bytes; a catalogue file lists host names only")
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(file, "", f"is not TOML: {error}") from error
    try:
        entries = msgspec.convert(written, _File).provider
    except msgspec.ValidationError as error:
        raise _readable(file, written, error) from error
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise CatalogueError(file, f'provider "{entry.id}"', "is there twice; put all its hosts in one entry")
        seen.add(entry.id)
        _refuse_malformed(file, entry)
        yield entry


def _readable(file: Path, written: Mapping[str, object], error: msgspec.ValidationError) -> CatalogueError:
    """msgspec's "… - at `$.provider[3].kind`" in the words of the file's author."""
    reason, _, path = str(error).partition(" - at ")
    found = re.match(r"`\$\.provider\[(\d+)\]\.?(.*)`", path)
    if not found:
        return CatalogueError(file, path.strip("`$.") or "", reason)
    entry = written["provider"][int(found[1])]  # type: ignore[index]
    name = entry.get("id") if isinstance(entry, dict) else None
    where = f'provider "{name}"' if name else f"provider number {int(found[1]) + 1}"
    return CatalogueError(file, f"{where}, {found[2]}" if found[2] else where, reason)


def _new_provider(file: Path, entry: _Entry) -> Provider:
    for field in ("name", "kind"):
        if getattr(entry, field) is None:
            raise CatalogueError(file, f'provider "{entry.id}", {field}', "is missing; a new provider needs one")
    if not (entry.hosts or entry.suffixes or entry.patterns or entry.left_out):
        raise CatalogueError(file, f'provider "{entry.id}"', "has no hosts")
    return Provider(**{field: getattr(entry, field) for field in _Entry.__struct_fields__})


def _added(file: Path, entry: _Entry, known: Mapping[str, Provider]) -> Provider:
    """The provider that `entry` makes, alone or together with the known one whose hosts it extends."""
    _refuse_taken(file, entry, [provider for provider in known.values() if provider.id != entry.id])
    provider = known.get(entry.id)
    if provider is None:
        return _priced_like_the_known(file, _new_provider(file, entry), known.values())
    for field in ("name", "kind", "note", "price_key", "assumed_model", "other_price_keys", "left_out"):
        if getattr(entry, field):
            reason = "belongs to the shipped catalogue; only hosts, suffixes and patterns can be added"
            raise CatalogueError(file, f'provider "{entry.id}", {field}', reason)
    return msgspec.structs.replace(
        provider,
        hosts={**provider.hosts, **entry.hosts},
        suffixes={**provider.suffixes, **entry.suffixes},
        patterns={**provider.patterns, **entry.patterns},
    )


def _priced_like_the_known(file: Path, provider: Provider, known: Iterable[Provider]) -> Provider:
    """A tenant's provider names a price list that a known one uses, and takes over its assumed model unless it says."""
    if provider.price_key is None:
        if provider.assumed_model is not None:
            raise CatalogueError(file, f'provider "{provider.id}", assumed_model', "means nothing without price_key")
        return provider
    for other in known:
        if provider.price_key == other.price_key:
            return msgspec.structs.replace(provider, assumed_model=provider.assumed_model or other.assumed_model)
    reason = f'"{provider.price_key}" is the price list of no provider; leave it out and the provider is unpriced'
    raise CatalogueError(file, f'provider "{provider.id}", price_key', reason)


def _refuse_malformed(file: Path, entry: _Entry) -> None:
    if not _id.fullmatch(entry.id):
        reason = "is made of lower-case letters, digits and single hyphens"
        raise CatalogueError(file, f'provider "{entry.id}", id', reason)
    for field in ("name", "note", "price_key", "assumed_model"):
        text = getattr(entry, field)
        if text is not None and not _is_readable(text):
            raise CatalogueError(file, f'provider "{entry.id}", {field}', "is empty or holds control characters")
    checks: tuple[tuple[str, Iterable[str], Callable[[str], str | None]], ...] = (
        ("hosts", entry.hosts, _wrong_with_name),
        ("suffixes", entry.suffixes, _wrong_with_suffix),
        ("patterns", entry.patterns, _wrong_with_pattern),
        ("left_out", (name.removeprefix("*.") for name in entry.left_out), _wrong_with_name),
    )
    for field, names, wrong_with in checks:
        for name in names:
            wrong = wrong_with(name)
            if wrong:
                raise CatalogueError(file, f'provider "{entry.id}", {field}', f'"{name}" {wrong}')
        for name, source in getattr(entry, field).items():
            if not _is_readable(source):
                reason = "says nothing about where it is documented, or why it is left out"
                raise CatalogueError(file, f'provider "{entry.id}", {field}', f'"{name}" {reason}')


def _is_readable(text: str) -> bool:
    return text.isprintable() and not text.isspace() and text != ""


def _wrong_with_name(name: str) -> str | None:
    if not is_host(name):
        return 'is not a host name: write it in lower case, without scheme, port, path or final dot, like "ai.acme.com"'
    if name.rpartition(".")[2].isdecimal():
        return "is an IP address; connections are recognised by host name only"
    return None


def _wrong_with_suffix(name: str) -> str | None:
    if name.startswith((".", "*.")):
        return f'begins with a dot or star: write "{name.lstrip("*.")}", which covers every name below it'
    if is_public_suffix(name):
        return "is shared by many organisations, so a rule for all below it would count traffic that is not AI"
    return _wrong_with_name(name)


def _wrong_with_pattern(name: str) -> str | None:
    labels = name.split(".")
    if labels.count("*") != 1 or name.count("*") != 1:
        return 'needs exactly one "*" that stands for a whole label, like "llm.*.acme.com"'
    if "*" in labels[-2:]:
        return 'has its "*" in the last two labels, where it would match other organisations'
    if labels[0] == "*" and is_public_suffix(name[2:]):
        return f'matches every name below "{name[2:]}", which many organisations share'
    return _wrong_with_name(name.replace("*", "x"))


def _refuse_taken(file: Path, entry: _Entry, others: Iterable[Provider]) -> None:
    """A tenant may name a host more exactly than the catalogue does, but may not take hosts from another provider."""
    for other in others:
        for field, rule, taken in _taken(entry, other):
            raise CatalogueError(
                file,
                f'provider "{entry.id}", {field}',
                f'"{rule}" would take "{taken}" from {other.name} (provider "{other.id}")',
            )


def _taken(entry: _Entry, other: Provider) -> Iterator[tuple[str, str, str]]:
    for host in entry.hosts:
        if host in other.hosts:
            yield "hosts", host, host
    for suffix in entry.suffixes:
        for rule in other.rules():
            if suffix_covers(suffix, rule):
                yield "suffixes", suffix, rule
    for pattern in entry.patterns:
        for rule in (*other.hosts, *other.patterns):
            if patterns_meet(pattern, rule):
                yield "patterns", pattern, rule

"""Writes the tables of docs/catalogue.md from the shipped catalogue; run it after changing providers.toml.

Usage: .venv/bin/python scripts/build_catalogue_page.py [--check]

Only what stands between the two markers is written; the words around it are written by hand. With --check nothing is
written and the exit code says whether the page is current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from toktra.catalogue import Catalogue, Provider, kinds, load_catalogue

PAGE: Final = Path(__file__).parents[1] / "docs" / "catalogue.md"
BEGIN: Final = "<!-- begin tables: scripts/build_catalogue_page.py -->"
END: Final = "<!-- end tables -->"


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    built = "\n".join((before + BEGIN, "", *_tables(load_catalogue()), END + after))
    if "--check" in sys.argv[1:]:
        print("docs/catalogue.md is current" if built == page else "docs/catalogue.md differs from providers.toml")
        return 0 if built == page else 1
    PAGE.write_text(built, encoding="utf-8")
    return 0


def _tables(catalogue: Catalogue) -> Iterator[str]:
    providers = catalogue.providers
    rules = sum(len(tuple(provider.rules())) for provider in providers)
    yield f"{len(providers)} providers, {rules} names. Prices: the assumed model and, in brackets, its list."
    yield ""
    for kind, label in kinds().items():
        of_kind = [provider for provider in providers if provider.kind is kind]
        yield f"### {label} ({len(of_kind)})"
        yield ""
        yield "| Provider | Recognised by | Priced as |"
        yield "|---|---|---|"
        yield from (_row(provider) for provider in of_kind)
        yield ""
    yield "### Left out"
    yield ""
    yield "| Host | Of | Why it is not counted |"
    yield "|---|---|---|"
    for provider in providers:
        for host, reason in provider.left_out.items():
            yield f"| `{host}` | {_cell(provider.name)} | {_cell(reason)} |"
    yield ""


def _row(provider: Provider) -> str:
    name = f"**{_cell(provider.name)}** `{provider.id}`"
    if provider.note:
        name += f"<br>{_cell(provider.note)}"
    priced = f"{provider.assumed_model} ({provider.price_key})" if provider.assumed_model else "unpriced"
    return f"| {name} | {'<br>'.join(_sources(provider)) or 'nothing: see left out'} | {_cell(priced)} |"


def _sources(provider: Provider) -> Iterator[str]:
    """Every name, those with the same source together."""
    shown = {name: f"`{name}`" for name in (*provider.hosts, *provider.patterns)}
    shown |= {name: f"everything below `{name}`" for name in provider.suffixes if name not in provider.hosts}
    shown |= {name: f"`{name}` and everything below" for name in provider.suffixes if name in provider.hosts}
    for source, names in _by_source(provider.hosts, provider.suffixes, provider.patterns).items():
        yield f"{', '.join(shown[name] for name in names)} ([source]({source}))"


def _by_source(*tables: Mapping[str, str]) -> Mapping[str, Iterable[str]]:
    found: dict[str, dict[str, None]] = {}
    for table in tables:
        for name, source in table.items():
            found.setdefault(source, {})[name] = None
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*.", "\\*.")


if __name__ == "__main__":
    sys.exit(main())

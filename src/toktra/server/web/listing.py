"""What a reader asks of a long list, read from the address: search, filters, order and page, and links back to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from toktra.server.web import figures
from toktra.server.web.language import _

PAGE_ROWS: Final = 50
_LONGEST_SEARCH: Final = 100
_LAST_PAGE: Final = 100_000


class UnknownChoice(ValueError):
    """The address asks for an order or a filter that does not exist. `field` names it."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"{field}: {value}")
        self.field = field
        self.value = value[:40]


@dataclass(frozen=True, slots=True)
class PageLink:
    """One place of the pager; a `number` of None stands for those left out."""

    number: int | None
    href: str = ""
    is_current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One view of a list. `sorts` and `choices` begin with what is meant when the address says nothing."""

    path: str
    sorts: Sequence[str]
    choices: Mapping[str, Sequence[str]]
    search: str = ""
    chosen: Mapping[str, str]
    free: Mapping[str, str]
    """Filters over values that only the database knows, such as departments; empty for all."""
    sort: str
    descending: bool = False
    page: int = 1

    @classmethod
    def read(
        cls,
        path: str,
        asked: Mapping[str, str],
        *,
        sorts: Sequence[str],
        choices: Mapping[str, Sequence[str]] | None = None,
        free: Sequence[str] = (),
    ) -> Listing:
        """Raises UnknownChoice. A page that cannot be is the first."""
        choices = choices or {}
        chosen = {name: asked.get(name) or values[0] for name, values in choices.items()}
        for name, value in chosen.items():
            if value not in choices[name]:
                raise UnknownChoice(name, value)
        order = asked.get("sort") or sorts[0]
        sort = order.removeprefix("-")
        if sort not in sorts:
            raise UnknownChoice("sort", order)
        page = asked.get("page", "1")
        return cls(
            path=path,
            sorts=sorts,
            choices=choices,
            search=_plain(asked.get("q", "")),
            chosen=chosen,
            free={name: _plain(asked.get(name, "")) for name in free},
            sort=sort,
            descending=order.startswith("-"),
            page=min(int(page), _LAST_PAGE) if page.isascii() and page.isdigit() and int(page) else 1,
        )

    @property
    def pattern(self) -> str:
        """The search for LIKE: what was typed, anywhere in the text, each character meaning itself."""
        text = self.search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return f"%{text}%"

    @property
    def skip(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * PAGE_ROWS

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves anything out."""
        return bool(self.search or any(self.free.values())) or any(
            value != self.choices[name][0] for name, value in self.chosen.items()
        )

    def at(self, page: int) -> Listing:
        """The same list at another page."""
        return replace(self, page=page)

    @property
    def href(self) -> str:
        """The address of this view; what goes without saying is left out."""
        return self._address(self.path)

    def elsewhere(self, path: str) -> str:
        """The same search and filters at another address, such as that of the download."""
        return replace(self, page=1)._address(path)

    def _address(self, path: str) -> str:
        order = f"-{self.sort}" if self.descending else self.sort
        said = {
            "q": self.search,
            **self.free,
            **{name: value for name, value in self.chosen.items() if value != self.choices[name][0]},
            "sort": order if order != self.sorts[0] else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{path}?{query}" if query else path

    def ordered_by(self, sort: str) -> str:
        """The address of the list in this order; of the reverse when it is in it already."""
        reverse = sort == self.sort and not self.descending
        return replace(self, sort=sort, descending=reverse, page=1).href

    def aria_sort(self, sort: str) -> str:
        """What assistive technology is told about a column; empty for one that does not order the list."""
        if sort != self.sort:
            return ""
        return "descending" if self.descending else "ascending"

    def pages(self, total: int) -> list[PageLink]:
        """The pager: first, last, this one and its neighbours."""
        last = max(1, -(-total // PAGE_ROWS))
        shown = sorted({1, last, *(page for page in range(self.page - 1, self.page + 2) if 1 <= page <= last)})
        links: list[PageLink] = []
        before = 0
        for page in shown:
            if page - before > 1:
                links.append(PageLink(None))
            links.append(PageLink(page, self.at(page).href, page == self.page))
            before = page
        return links

    def span(self, shown: int, total: int) -> str:
        """1–50 of 226."""
        first = self.skip + 1 if shown else 0
        return _("%(first)s–%(last)s of %(total)s") % {
            "first": figures.count(first),
            "last": figures.count(self.skip + shown),
            "total": figures.count(total),
        }


def _plain(text: str) -> str:
    """What was typed, on one line and of a sensible length; a zero byte would be an error in the database."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_SEARCH]

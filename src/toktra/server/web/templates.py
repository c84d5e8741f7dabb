"""One Jinja environment for all rooms: strict about names, escaping everything, texts through gettext."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.ext import i18n

import toktra
from toktra.server.costs import money
from toktra.server.web import charts, figures, language
from toktra.server.web.icons import ICONS
from toktra.server.web.static_files import StaticFiles

_SERVER: Final = Path(__file__).parent.parent
STATIC: Final = StaticFiles.load()


def _environment() -> Environment:
    environment = Environment(
        loader=PrefixLoader(
            {
                "web": FileSystemLoader(_SERVER / "web" / "layout"),
                "devices": FileSystemLoader(_SERVER / "devices" / "pages"),
                "directory": FileSystemLoader(_SERVER / "directory" / "pages"),
                "sign_in": FileSystemLoader(_SERVER / "sign_in" / "pages"),
                "people": FileSystemLoader(_SERVER / "people" / "pages"),
                "usage": FileSystemLoader(_SERVER / "usage" / "pages"),
                "breakdown": FileSystemLoader(_SERVER / "usage" / "breakdown" / "pages"),
                "exports": FileSystemLoader(_SERVER / "exports" / "pages"),
                "scheduled_exports": FileSystemLoader(_SERVER / "exports" / "scheduled" / "pages"),
                "audit": FileSystemLoader(_SERVER / "audit" / "pages"),
                "budgets": FileSystemLoader(_SERVER / "budgets" / "pages"),
                "webhooks": FileSystemLoader(_SERVER / "webhooks" / "pages"),
                "api": FileSystemLoader(_SERVER / "api" / "pages"),
                "mail": FileSystemLoader(_SERVER / "mail" / "pages"),
                "privacy_office": FileSystemLoader(_SERVER / "privacy_office" / "pages"),
                "rights": FileSystemLoader(_SERVER / "rights" / "pages"),
                "retention": FileSystemLoader(_SERVER / "retention" / "pages"),
                "notices": FileSystemLoader(_SERVER / "notices" / "pages"),
                "perks": FileSystemLoader(_SERVER / "perks" / "pages"),
                "portal": FileSystemLoader(_SERVER / "portal" / "pages"),
                "privacy_hours": FileSystemLoader(_SERVER / "privacy_hours" / "pages"),
                "costs": FileSystemLoader(_SERVER / "costs" / "pages"),
                "statements": FileSystemLoader(_SERVER / "statements" / "pages"),
                "scim": FileSystemLoader(_SERVER / "scim" / "pages"),
                "tenants": FileSystemLoader(_SERVER / "tenants" / "pages"),
                "reconciliation": FileSystemLoader(_SERVER / "reconciliation" / "pages"),
            }
        ),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[i18n],
    )
    environment.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        count=figures.count,
        tokens=figures.tokens,
        size=figures.size,
        percent=figures.percent,
        day=figures.day,
        clock=figures.clock,
        exchanges=figures.exchanges,
        dated=figures.one_day,
        money=money.amount_range,
        exact_money=money.exact_amount,
    )
    environment.globals.update(
        ICONS=ICONS,
        NBSP=figures.NBSP,
        charts=charts,
        figures=figures,
        static=STATIC.address,
        language=language,
        version=toktra.__version__,
    )
    return environment


_ENVIRONMENT: Final = _environment()


def render(name: str, **context: Any) -> str:
    """The page `room/file.html` as text."""
    return _ENVIRONMENT.get_template(name).render(**context)

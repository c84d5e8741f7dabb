"""The pages of the service: "My personal ledger", which decrypts in the browser alone."""

from __future__ import annotations

from starlette.routing import BaseRoute

from toktra.personal.settings import PersonalSettings


def page_routes(settings: PersonalSettings) -> list[BaseRoute]:
    """None yet."""
    del settings
    return []

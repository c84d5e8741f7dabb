"""Where a reader begins."""

from __future__ import annotations

from toktra.server.web.access import Action, Role, may


def home_of(role: Role) -> str:
    """The Overview for those who may read it; for everyone else the page about themself."""
    return "/" if may(role, Action.READ_OVERVIEW) else "/me"

"""An organisation with a privacy office."""

from __future__ import annotations

from tests.server.portal.conftest import Browsers, Office, browsers, office

__all__ = ["Browsers", "Office", "browsers", "office"]

"""An organisation whose people are given notices."""

from __future__ import annotations

from tests.server.portal.conftest import Browsers, Office, browsers, office, other_office

__all__ = ["Browsers", "Office", "browsers", "office", "other_office"]

"""The organisation of the usage tests, whose records are exported here."""

from tests.server.usage.conftest import office, owner_api

__all__ = ["office", "owner_api"]

"""The organisation of the usage tests, whose months are stated here."""

from tests.server.usage.conftest import office, owner_api

__all__ = ["office", "owner_api"]

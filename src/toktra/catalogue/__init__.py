"""Which hosts are AI providers, what their tokens cost, and how bytes become tokens.

The agent asks it about every host it sees and forgets those it does not know; the server accepts events of no other.
"""

from toktra.catalogue.loading import CatalogueError, load_catalogue
from toktra.catalogue.providers import (
    Catalogue,
    Kind,
    Provider,
    kinds,
)

__all__ = ["Catalogue", "CatalogueError", "Kind", "Provider", "kinds", "load_catalogue"]

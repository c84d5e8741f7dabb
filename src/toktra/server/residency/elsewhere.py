"""Organisations of other regions: who asks for one here is sent on, before anything is stored and without a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import aiosql
import msgspec
import psycopg
from psycopg.rows import namedtuple_row

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database

_QUERIES: Final = Path(__file__).with_name("queries.sql")
_queries: Final[Any] = aiosql.from_path(_QUERIES, "apsycopg")
_queries_as_owner: Final[Any] = aiosql.from_path(_QUERIES, "psycopg")


class PublicFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that one region tells another about an organisation."""

    organisation_id: UUID
    slug: str
    region: Literal["eu", "us", "au", "ca"]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Knows where the other regions are."""

    database: Database
    addresses: Mapping[str, str]

    async def of_slug(self, slug: str) -> str | None:
        """The address of the server that serves the organisation of this short name; None when it is not elsewhere."""
        async with self.database.global_tables() as connection:
            region = await _queries.region_of_slug(connection, slug=slug)
        return self.addresses.get(region) if region else None

    async def of_id(self, organisation_id: UUID) -> str | None:
        """The same for an organisation's id."""
        async with self.database.global_tables() as connection:
            region = await _queries.region_of_id(connection, organisation_id=organisation_id)
        return self.addresses.get(region) if region else None


def public_facts(owner_url: str) -> list[PublicFacts]:
    """Of every organisation served here, for the other regions. Raises DatabaseUnreachable."""
    with _connected(owner_url) as connection:
        return [PublicFacts(**row._asdict()) for row in _queries_as_owner.public(connection)]


def learn(owner_url: str, facts: list[PublicFacts]) -> int:
    """Remembers the organisations of other regions; how many there were. Raises DatabaseUnreachable."""
    with _connected(owner_url) as connection:
        return sum(_queries_as_owner.learn(connection, **msgspec.structs.asdict(one)) for one in facts)


def _connected(owner_url: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(owner_url, row_factory=namedtuple_row)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"cannot reach the database as its owner: {error}") from None

"""Organisations: founding one, and finding it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database
from toktra.server.tenants.service import Founded, InvalidSlug, find_tenant, found

if TYPE_CHECKING:
    from tests.server.conftest import Urls


async def test_a_new_organisation_has_an_owner_and_is_found(urls: Urls, database: Database) -> None:
    result = found(urls.owner, slug="north", name="North & Co", owner_name="Ada")
    assert result.new
    assert await find_tenant(database, "north") == result.tenant
    assert (result.tenant.name, result.tenant.region, result.tenant.active) == ("North & Co", "local", True)
    with psycopg.connect(urls.superuser) as connection:
        people = connection.execute("select person_id, display_name, role from person").fetchall()
    assert people == [(result.owner_id, "Ada", "owner")]


async def test_one_that_is_not_there_is_none(database: Database) -> None:
    assert await find_tenant(database, "nowhere") is None
    assert await find_tenant(database, "' or true --") is None


def test_founding_again_changes_nothing(urls: Urls) -> None:
    first = found(urls.owner, slug="north", name="North", owner_name="Ada")
    second = found(urls.owner, slug="north", name="Other", owner_name="Bob")
    assert (second.tenant, second.owner_id, second.new) == (first.tenant, first.owner_id, False)


def test_founding_at_the_same_time_makes_one_owner(urls: Urls) -> None:
    results: list[Founded] = []

    def work() -> None:
        results.append(found(urls.owner, slug="north", name="North", owner_name="Ada"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert len({(result.tenant.tenant_id, result.owner_id) for result in results}) == 1
    assert [result.new for result in results].count(True) == 1


@pytest.mark.parametrize("slug", ["", "North", "a b", "-a", "a-", "a" * 33, "a.b", "å", "a\n"])
def test_a_short_name_that_cannot_stand_before_a_code_is_refused(urls: Urls, slug: str) -> None:
    with pytest.raises(InvalidSlug, match="lower-case letters"):
        found(urls.owner, slug=slug, name="North", owner_name="Ada")


def test_a_database_that_is_away_is_told() -> None:
    with pytest.raises(DatabaseUnreachable):
        found("postgresql://x@/x?host=/nowhere", slug="north", name="North", owner_name="Ada")

"""Organisations made with a few statements. Each person's use of a day is a power of two: a sum says what it holds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

HOSTS = ("api.openai.com", "api.anthropic.com")


@dataclass
class Firm:
    """One organisation, written as the owner of the tables within one connection."""

    connection: psycopg.Connection[Any]
    tenant_id: UUID
    slug: str
    today: date
    people: list[UUID] = field(default_factory=list)
    devices: list[UUID] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    """How many days ago there was use, in the order in which it was said."""

    def person(self, department: str | None) -> int:
        """A new person with a device of their own; answers their place."""
        person_id, device_id = uuid4(), uuid4()
        self._do(
            "insert into person (tenant_id, person_id, display_name, department) values (%s, %s, 'P', %s)",
            person_id,
            department,
        )
        self._do(
            "insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version, enrolled_at) "
            "values (%s, %s, %s, 'desk', 'linux', '1', now() - interval '60 days')",
            device_id,
            secrets.token_bytes(32),
        )
        self._do("insert into account values (%s, %s, 'a', %s)", device_id, person_id)
        self.people.append(person_id)
        self.devices.append(device_id)
        return len(self.people) - 1

    def bytes_of(self, person: int, days_ago: int) -> int:
        """What a person uses on a day."""
        if days_ago not in self.days:
            self.days.append(days_ago)
        return 1 << (3 * person + self.days.index(days_ago))

    def people_in(self, sum_of_bytes: int) -> set[int]:
        """Whose use a sum holds."""
        return {person for person in range(len(self.people)) if sum_of_bytes >> (3 * person) & 0b111}

    def moves(self, person: int, department: str | None, days_ago: int) -> None:
        self._do(
            "insert into department_period values (%s, %s, %s, %s) on conflict do nothing",
            self.people[person],
            self.today - timedelta(days=days_ago),
            department,
        )

    def used(self, person: int, days_ago: int, host: str = HOSTS[0]) -> None:
        """Use of theirs as it is kept with its person."""
        amount = self.bytes_of(person, days_ago)
        day = self.today - timedelta(days=days_ago)
        self._do(
            "insert into usage_daily values (%s, %s, %s, %s, 'e1', 1, %s, 1, 1, 1)",
            day,
            self.people[person],
            host,
            amount,
        )
        self._do(
            "insert into usage_hourly values (%s, %s::date::timestamp at time zone 'UTC' + interval '9 hours', %s, "
            "'e1', 1, %s, 1, 1, 1) on conflict (tenant_id, hour, provider_host, estimator_version) "
            "do update set request_bytes = usage_hourly.request_bytes + excluded.request_bytes",
            day,
            host,
            amount,
        )
        self._do(
            "insert into usage_event values (%s, %s::date::timestamp at time zone 'UTC' + interval '9 hours', %s, 1, "
            "1, %s, %s, %s, 1, 1, 1, 'e1')",
            day,
            self.devices[person],
            self.people[person],
            host,
            amount,
        )

    def arrived(self, person: int, department: str, days_ago: int, host: str = HOSTS[0]) -> None:
        """Use of theirs as it is kept with their department, on the day on which their device reported it."""
        amount = self.bytes_of(person, days_ago)
        day = self.today - timedelta(days=days_ago)
        self._do("insert into device_day values (%s, %s, %s) on conflict do nothing", day, self.devices[person])
        self._do(
            "insert into usage_group_daily as s values (%s, %s, %s, %s, 'e1', 1, %s, 1, 1, 1) on conflict "
            "(tenant_id, day, department, provider_host, estimator_version) "
            "do update set request_bytes = s.request_bytes + excluded.request_bytes",
            day,
            department,
            host,
            amount,
        )

    def rows(self, statement: str, *values: object) -> list[Any]:
        with self.connection.transaction():
            self.connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(self.tenant_id)])
            return self.connection.execute(statement, [self.tenant_id, *values]).fetchall()

    def _do(self, statement: str, *values: object) -> None:
        with self.connection.transaction():
            self.connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(self.tenant_id)])
            self.connection.execute(statement, [self.tenant_id, *values])


@pytest.fixture(scope="module")
def owner_connection(module_urls: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(module_urls.owner, autocommit=True) as connection:
        today = connection.execute("select (now() at time zone 'UTC')::date").fetchone()
        assert today is not None
        for days in (0, 30):
            connection.execute("select create_usage_event_month(%s::date - %s)", [today[0], days])
        yield connection


@pytest.fixture
def firm(owner_connection: psycopg.Connection[Any]) -> Firm:
    return found_firm(owner_connection)


def found_firm(connection: psycopg.Connection[Any]) -> Firm:
    """A new organisation."""
    slug = "f" + secrets.token_hex(6)
    row = connection.execute(
        "insert into tenant (slug, name) values (%s, %s) returning tenant_id, (now() at time zone 'UTC')::date",
        [slug, slug],
    ).fetchone()
    assert row is not None
    return Firm(connection, row[0], slug, row[1])


@pytest.fixture(scope="module")
def new_firm(owner_connection: psycopg.Connection[Any]) -> Any:
    """Makes one organisation at each call."""
    return lambda: found_firm(owner_connection)

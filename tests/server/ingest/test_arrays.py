"""Arrays packed by us, read by PostgreSQL."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toktra.server.ingest.arrays import int8_array, timestamp_array

if TYPE_CHECKING:
    from tests.server.conftest import Urls

with_one_database = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@with_one_database
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=600))
def test_numbers_arrive_as_they_were(urls: Urls, values: list[int]) -> None:
    with psycopg.connect(urls.app) as connection:
        row = connection.execute("select %s, pg_typeof(%s)::text", [int8_array(values)] * 2).fetchone()
    assert row == (values, "bigint[]")


@with_one_database
@given(seconds=st.lists(st.integers(0, 253_402_300_799), max_size=600))
def test_times_arrive_as_they_were(urls: Urls, seconds: list[int]) -> None:
    with psycopg.connect(urls.app, options="-c timezone=UTC") as connection:
        row = connection.execute("select %s, pg_typeof(%s)::text", [timestamp_array(seconds)] * 2).fetchone()
    assert row is not None
    assert [moment.astimezone(UTC) for moment in row[0]] == [datetime.fromtimestamp(second, UTC) for second in seconds]
    assert row[1] == "timestamp with time zone[]"


def test_a_number_past_64_bits_is_refused_here() -> None:
    with pytest.raises(struct.error):
        int8_array([2**63])

"""Writes an export day by day into a file of its own, and hands it over when each day is whole.

The database is asked for one day at a time and its connection is given back before a byte goes out, so a slow reader
keeps nothing waiting. What was exported of which days is recorded first.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Final

from psycopg import sql

import toktra
from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.costs import service as costs
from toktra.server.database.pool import Connection, Database
from toktra.server.exports import focus
from toktra.server.exports.datasets import COLUMNS, SCHEMA_VERSION, Column, Dataset
from toktra.server.exports.formats import Format, as_ndjson, blocks, write_parquet
from toktra.server.tenants.service import Tenant
from toktra.server.usage.breakdown.departments import by_department, departments_shown
from toktra.server.usage.breakdown.divided_days import DepartmentDay
from toktra.server.usage.coverage import Coverage, coverage_of
from toktra.server.usage.period import Window
from toktra.server.usage.sums import sums_of_all
from toktra.server.web.spreadsheets import neutral

_KEPT_IN_MEMORY: Final = 1 << 22
"""Bytes of a day that are held before they go to a file."""
_RECORDS: Final = Path(__file__).with_name("records.sql").read_text("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which rows, and how. `first` and `last` are days (UTC), both included."""

    tenant: Tenant
    dataset: Dataset
    format: Format
    first: date
    last: date

    @property
    def columns(self) -> Sequence[Column]:
        return focus.COLUMNS if self.dataset is Dataset.COSTS else COLUMNS[self.dataset]

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=place) for place in range((self.last - self.first).days + 1)]

    @property
    def file_name(self) -> str:
        span = self.first.isoformat() if self.first == self.last else f"{self.first}-to-{self.last}"
        return f"toktra-{self.tenant.slug}-{self.dataset}-{span}.{self.format}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What an export rests on; it is in every row, and in the audit trail."""

    estimator_versions: tuple[str, ...]
    devices_reported: int
    """Of all its days together: device-days."""
    devices_enrolled: int


async def standing_of(connection: Connection, order: Order) -> Standing:
    """What an export would rest on now."""
    tenant_id = order.tenant.tenant_id
    coverage = await coverage_of(connection, tenant_id, order.days, datetime.now(UTC))
    uses = await sums_of_all(connection, tenant_id, order.first, order.last)
    return Standing(
        tuple(sorted({use.estimator_version for use in uses})),
        sum(day.reported for day in coverage),
        sum(day.enrolled for day in coverage),
    )


async def record(
    connection: Connection, order: Order, standing: Standing, actor: Actor, *, sent_to: str = "download"
) -> None:
    """That it is taken, and by whom, before the first byte of it; within the caller's transaction."""
    await audit.record(
        connection,
        order.tenant.tenant_id,
        Tag.FIGURES_EXPORTED,
        actor,
        after={
            "dataset": order.dataset.value,
            "format": order.format.value,
            "first_day": order.first.isoformat(),
            "last_day": order.last.isoformat(),
            "schema_version": SCHEMA_VERSION,
            "estimator_versions": " ".join(standing.estimator_versions),
            "device_days_reported": standing.devices_reported,
            "device_days_enrolled": standing.devices_enrolled,
            "sent_to": sent_to,
        },
    )


async def parts(database: Database, order: Order) -> AsyncIterator[bytes]:
    """The file, piece by piece."""
    if order.format is Format.PARQUET:
        async for block in _parquet(database, order):
            yield block
        return
    if order.format is Format.CSV:
        yield "\ufeff".encode() + _lines([[column.name for column in order.columns]])
    for day in order.days:
        with await _day(database, order, day) as rows:
            for block in blocks(rows) if order.format is Format.CSV else as_ndjson(rows, order.columns):
                yield block


async def _parquet(database: Database, order: Order) -> AsyncIterator[bytes]:
    """Parquet ends with its table of contents, so it is whole before it goes out."""
    about = {
        "toktra.schema_version": SCHEMA_VERSION,
        "toktra.version": toktra.__version__,
        "toktra.first_day": order.first.isoformat(),
        "toktra.last_day": order.last.isoformat(),
    }
    with tempfile.TemporaryFile() as whole, tempfile.TemporaryFile() as rows:
        for day in order.days:
            with await _day(database, order, day) as own:
                for block in blocks(own):
                    rows.write(block)
        write_parquet(rows, order.columns, whole, about)
        for block in blocks(whole):
            yield block


async def _day(database: Database, order: Order, day: date) -> IO[bytes]:
    """One day's rows as CSV without a header, in a file that is gone when it is closed."""
    rows: IO[bytes] = tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    async with database.tenant(order.tenant.tenant_id) as connection:
        [standing] = await coverage_of(connection, order.tenant.tenant_id, [day], datetime.now(UTC))
        match order.dataset:
            case Dataset.EVENTS:
                await _copy_records(connection, order, day, standing, rows)
            case Dataset.DAILY:
                divided = await _divided(connection, order, day)
                rows.write(_lines(_daily(use, standing) for use in divided))
            case Dataset.COSTS:
                rows.write(_lines(await _costs(connection, order, day, standing)))
    return rows


async def _copy_records(connection: Connection, order: Order, day: date, standing: Coverage, rows: IO[bytes]) -> None:
    shown = await departments_shown(connection, order.tenant.tenant_id, day, day)
    query = sql.SQL(_RECORDS).format(
        day=sql.Literal(day),
        tenant=sql.Literal(order.tenant.tenant_id),
        shown=sql.Literal(shown),
        reported=sql.Literal(standing.reported),
        enrolled=sql.Literal(standing.enrolled),
        schema_version=sql.Literal(SCHEMA_VERSION),
    )
    async with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("copy ({}) to stdout (format csv)").format(query)) as out,
    ):
        async for block in out:
            rows.write(block)


async def _divided(connection: Connection, order: Order, day: date) -> list[DepartmentDay]:
    everything = await sums_of_all(connection, order.tenant.tenant_id, day, day)
    start = datetime.combine(day, time(), UTC)
    window = Window(start, start + timedelta(days=1))
    divided = await by_department(connection, order.tenant.tenant_id, [window], everything)
    return sorted(divided, key=lambda use: (use.provider_host, use.department, use.estimator_version))


def _daily(use: DepartmentDay, standing: Coverage) -> list[str]:
    return [
        SCHEMA_VERSION,
        use.day.isoformat(),
        use.provider_host,
        neutral(use.department),
        str(use.exchanges),
        str(use.request_bytes),
        str(use.response_bytes),
        str(use.input_tokens),
        str(use.output_tokens),
        use.estimator_version,
        str(standing.reported),
        str(standing.enrolled),
    ]


async def _costs(connection: Connection, order: Order, day: date, standing: Coverage) -> list[list[str]]:
    of_department: dict[str, list[DepartmentDay]] = defaultdict(list)
    for use in await _divided(connection, order, day):
        of_department[use.department].append(use)
    under = await costs.pricing(connection, order.tenant.tenant_id, day, day)
    projected, _under, _fault = costs.projections(under, *of_department.values(), first=day, last=day)
    days = [
        focus.CostDay(
            day=day,
            department=neutral(department),
            projection=projection,
            estimator_versions=tuple(sorted({use.estimator_version for use in of_department[department]})),
            devices_reported=standing.reported,
            devices_enrolled=standing.enrolled,
        )
        for department, projection in zip(of_department, projected, strict=True)
    ]
    return list(focus.rows(order.tenant, days))


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()

"""The page that says what can be taken out, and the files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from starlette.responses import Response

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Database
from toktra.server.exports import service
from toktra.server.exports.datasets import COLUMNS, Dataset
from toktra.server.exports.focus import COLUMNS as FOCUS_COLUMNS
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled.routes import scheduled_pages
from toktra.server.exports.service import Order
from toktra.server.tenants.service import Tenant
from toktra.server.usage.breakdown.view import UnusableView, choice, days_asked
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.exports import as_file
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

PATH: Final = "/exports"


def export_pages() -> list[Page]:
    """The pages of this room."""
    return [
        *scheduled_pages(),
        Page(PATH, exports, action=Action.EXPORT_FIGURES),
        Page(PATH + "/file", file, action=Action.EXPORT_FIGURES, needs_fresh=True),
    ]


async def exports(visit: Visit) -> Response:
    """What can be taken out, column by column."""
    today = datetime.now(UTC).date()
    return visit.show(
        "exports/exports.html",
        here=PATH,
        first=(today - timedelta(days=1)).replace(day=1),
        last=today - timedelta(days=1),
        datasets=[(one.value, words, _columns(one)) for one, words in _words().items()],
        formats=[(one.value, one.value.upper()) for one in Format],
    )


async def file(visit: Visit) -> Response:
    """The file that was asked for."""
    try:
        order = read_order(visit.request.query_params, visit.reader.tenant, datetime.now(UTC).date())
    except UnusableView as unusable:
        return notices.bad_request(_("There is no such export"), str(unusable), PATH, _("Back to exports"))
    return await take(visit.database, order, visit.reader.actor)


async def take(database: Database, order: Order, actor: Actor) -> Response:
    """The file as an answer, once the trail says that it is taken."""
    async with database.tenant(order.tenant.tenant_id) as connection:
        standing = await service.standing_of(connection, order)
        await service.record(connection, order, standing, actor)
    return as_file(order.file_name, order.format.media_type, service.parts(database, order))


def read_order(asked: Mapping[str, str], tenant: Tenant, today: date) -> Order:
    """What an address asks for: dataset, format, from and to. Only days that are over. Raises UnusableView."""
    first, last = days_asked(asked, today - timedelta(days=1))
    return Order(
        tenant=tenant,
        dataset=choice(asked, "dataset", Dataset, Dataset.DAILY),
        format=choice(asked, "format", Format, Format.CSV),
        first=first,
        last=last,
    )


def _words() -> dict[Dataset, str]:
    return {
        Dataset.DAILY: _("Daily sums by provider host and department"),
        Dataset.COSTS: _("Cost by day, provider and department, in the columns of FOCUS 1.2"),
        Dataset.EVENTS: _("Single records, without who and without the time of day"),
    }


def _columns(dataset: Dataset) -> list[tuple[str, str]]:
    columns = FOCUS_COLUMNS if dataset is Dataset.COSTS else COLUMNS[dataset]
    return [(column.name, column.says) for column in columns]

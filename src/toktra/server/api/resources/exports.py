"""Exports as files: the same rows, and the same entry in the trail, as from the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response, Security
from pydantic import BaseModel, Field

from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Day
from toktra.server.exports.datasets import COLUMNS, SCHEMA_VERSION, Dataset
from toktra.server.exports.focus import COLUMNS as FOCUS_COLUMNS
from toktra.server.exports.formats import Format
from toktra.server.exports.routes import read_order, take
from toktra.server.usage.breakdown.view import UnusableView

router = APIRouter(tags=["exports"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.EXPORTS_READ])]

_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file",
        "content": {one.media_type.partition(";")[0]: {"schema": {"type": "string"}} for one in Format},
    }
}


class ExportColumn(BaseModel):
    """One column of a dataset."""

    name: Annotated[str, Field(examples=["provider_host"])]
    kind: Annotated[str, Field(description="text, day, number or amount", examples=["text"])]
    says: Annotated[str, Field(description="What stands in it", examples=["Server name of the provider"])]


class ExportDataset(BaseModel):
    """What can be taken, column by column."""

    dataset: Dataset
    formats: list[Format]
    columns: list[ExportColumn]


class ExportDatasets(BaseModel):
    """Everything that can be taken."""

    schema_version: Annotated[str, Field(description="Stands in every row", examples=["1"])]
    items: list[ExportDataset]


@router.get("/exports", summary="What can be exported", responses=documented(), operation_id="list_datasets")
async def datasets(caller: Reads) -> ExportDatasets:
    """Every dataset with its columns. Nobody's name and no time of day is in any of them."""
    del caller
    columns = {**COLUMNS, Dataset.COSTS: FOCUS_COLUMNS}
    return ExportDatasets(
        schema_version=SCHEMA_VERSION,
        items=[
            ExportDataset(
                dataset=dataset,
                formats=list(Format),
                columns=[ExportColumn(name=one.name, kind=one.kind.value, says=one.says) for one in columns[dataset]],
            )
            for dataset in Dataset
        ],
    )


@router.get(
    "/exports/{dataset}",
    summary="An export as a file",
    responses={**_FILE, **documented()},
    operation_id="take_export",
    response_class=Response,
)
async def file(
    caller: Reads,
    dataset: Dataset,
    first: Annotated[Day, Query(alias="from", description="First day (UTC)", examples=["2026-11-01"])],
    last: Annotated[Day, Query(alias="to", description="Last day (UTC), at most yesterday", examples=["2026-11-19"])],
    format: Annotated[Format, Query(description="Of the file")] = Format.CSV,  # noqa: A002 - its name in the address
) -> Response:
    """Streamed day by day. That it was taken, and by which program, stands in the audit trail before the first byte."""
    asked = {"dataset": dataset, "format": format, "from": first.isoformat(), "to": last.isoformat()}
    try:
        order = read_order(asked, caller.reader.tenant, datetime.now(UTC).date())
    except UnusableView as fault:
        raise refusals.unusable(fault.field, str(fault)) from None
    return await take(caller.database, order, caller.reader.actor)

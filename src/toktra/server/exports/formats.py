"""The same rows as CSV, NDJSON or Parquet, a part at a time: memory does not grow with the export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, Final

from toktra.server.exports.datasets import Column, Kind

if TYPE_CHECKING:
    import pyarrow as pa

READ_BYTES: Final = 1 << 20
"""How much is read and sent at once."""
_LINES_AT_ONCE: Final = 5_000


class Format(StrEnum):
    """As it stands in addresses, and the ending of the file."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        return {
            Format.CSV: "text/csv; charset=utf-8",
            Format.NDJSON: "application/x-ndjson",
            Format.PARQUET: "application/vnd.apache.parquet",
        }[self]


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """A file from its beginning, piece by piece."""
    file.seek(0)
    while block := file.read(READ_BYTES):
        yield block


def as_ndjson(rows: IO[bytes], columns: Sequence[Column]) -> Iterator[bytes]:
    """CSV without a header as lines of JSON; numbers are numbers, an empty number is null."""
    for batch in _tables(rows, columns):
        names = batch.schema.names
        lines = []
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            lines.append(json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False, default=str))
            if len(lines) == _LINES_AT_ONCE:
                yield ("\n".join(lines) + "\n").encode()
                lines = []
        if lines:
            yield ("\n".join(lines) + "\n").encode()


def write_parquet(rows: IO[bytes], columns: Sequence[Column], to: IO[bytes], about: Mapping[str, str]) -> None:
    """CSV without a header as one Parquet file; `about` goes into its metadata."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import, and few exports are Parquet

    schema = _schema(columns).with_metadata(dict(about))
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for batch in _tables(rows, columns):
            writer.write_batch(batch.replace_schema_metadata(dict(about)))


def _tables(rows: IO[bytes], columns: Sequence[Column]) -> Iterator[Any]:
    """The rows as Arrow batches."""
    from pyarrow import csv  # noqa: PLC0415

    rows.seek(0)
    if not rows.read(1):
        return
    rows.seek(0)
    reader = csv.open_csv(
        rows,
        read_options=csv.ReadOptions(column_names=[column.name for column in columns], block_size=READ_BYTES),
        convert_options=csv.ConvertOptions(
            column_types=_schema(columns), strings_can_be_null=False, null_values=[""], quoted_strings_can_be_null=False
        ),
        parse_options=csv.ParseOptions(newlines_in_values=True),
    )
    yield from reader


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    types = {Kind.TEXT: pa.string(), Kind.DAY: pa.date32(), Kind.NUMBER: pa.int64(), Kind.AMOUNT: pa.float64()}
    return pa.schema([(column.name, types[column.kind]) for column in columns])

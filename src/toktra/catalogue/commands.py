"""`toktra estimate`: byte and segment counts in, token estimates out, one JSON object a line."""

from __future__ import annotations

import json
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO, TypeVar

import click

from toktra.catalogue.estimate import SHIPPED, Estimate, InvalidObservation, Observation, estimate_with

T = TypeVar("T")
COUNTS = ("request_bytes", "response_bytes", "segments_out", "segments_in")


class Refused(ValueError):
    """A line cannot be answered. The message names the field at fault."""


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
def estimate(file: BinaryIO) -> None:
    """Estimate the tokens of exchanges from their byte counts.

    Reads one JSON object a line from FILE or standard input, with the fields provider_host, request_bytes,
    response_bytes, segments_out, segments_in and first_on_connection; other fields are ignored. Writes one object a
    line with input_tokens, input_low, input_high, output_tokens, output_low, output_high and regime. Low and high
    bound 90 % of cases. Output is visible output; hidden reasoning is not seen.

    A line that cannot be answered is answered with {"error": ...} in its place and named on standard error; the
    others are still answered, and the exit status is 1.
    """
    refused = 0
    for number, answer in _answers(file):
        if isinstance(answer, Refused):
            refused += 1
            click.echo(f"line {number}: {answer}", err=True)
            click.echo(json.dumps({"error": f"line {number}: {answer}"}))
        else:
            click.echo(json.dumps(asdict(answer)))
    if refused:
        sys.exit(1)


def _answers(lines: Iterable[bytes]) -> Iterator[tuple[int, Estimate | Refused]]:
    """An answer for every line that is not blank, with its number counted from 1."""
    for number, read in enumerate(lines, start=1):
        # Windows programs begin a file with a byte order mark; it says nothing.
        line = read.removeprefix(BOM_UTF8) if number == 1 else read
        if not line.strip():
            continue
        try:
            yield number, estimate_with(SHIPPED, observation_from(line))
        except (Refused, InvalidObservation) as error:
            yield number, Refused(str(error))


def observation_from(line: bytes) -> Observation:
    """The observation a line of JSON describes. Raises Refused naming the field at fault."""
    try:
        row = json.loads(line.decode("utf-8"))
    except (
        ValueError,
        RecursionError,
    ) as error:  # ValueError: also other than UTF-8, or a number of thousands of digits
        raise Refused(f"is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise Refused("is not a JSON object")
    request_bytes, response_bytes, segments_out, segments_in = (_count(row, field) for field in COUNTS)
    return Observation(
        provider_host=_field(row, "provider_host", str, "a text"),
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        segments_out=segments_out,
        segments_in=segments_in,
        first_on_connection=_field(row, "first_on_connection", bool, "true or false"),
    )


def _count(row: dict[str, Any], field: str) -> int:
    value = _field(row, field, int, "a whole number")
    if isinstance(value, bool):
        raise Refused(f"{field}: must be a whole number, is {json.dumps(value)}")
    if value < 0:
        raise Refused(f"{field}: must not be negative, is {value}")
    return value


def _field(row: dict[str, Any], field: str, kind: type[T], what: str) -> T:
    if field not in row:
        raise Refused(f"{field}: is missing")
    value = row[field]
    if not isinstance(value, kind):
        raise Refused(f"{field}: must be {what}, is {json.dumps(value)[:40]}")
    return value

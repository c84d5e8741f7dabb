"""`toktra rights`: what the law says about a request, without a server."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import BinaryIO, Final

import click

from toktra.compliance.deadlines import APPLIES_FROM, DateOutOfRange, Deadline, Regulation, deadline
from toktra.compliance.receipts import InvalidReceipt, verified
from toktra.compliance.working_days import UnknownCountry


class _Day(click.ParamType[date]):
    """A day of the calendar."""

    name = "YYYY-MM-DD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        text = str(value)
        if not _WRITTEN_DAY.fullmatch(text):
            self.fail(f"{text!r} is not a day; write it as YYYY-MM-DD, such as 2027-01-31", param, ctx)
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is not a day of the calendar; check its month and its day", param, ctx)


_LAWS: Final = [one.value for one in Regulation]
_WRITTEN_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@click.group()
def rights() -> None:
    """Requests that people make under GDPR, UK GDPR or CCPA."""


@rights.command()
@click.option("--regulation", required=True, type=click.Choice(_LAWS, case_sensitive=False), help="The law.")
@click.option("--received", required=True, type=_Day(), help="The day it was received.")
@click.option("--extended", is_flag=True, help="The answer was extended, and that was told with reasons.")
@click.option("--country", default="", help="Whose holidays the target avoids, such as DE, DE-BY or US-CA.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def due(regulation: str, received: date, extended: bool, country: str, as_json: bool) -> None:
    """Say by when a request must be confirmed and answered, and by which rule.

    A day due is never moved later for a weekend or a holiday; the last working day on or before it is the target.
    """
    try:
        found = deadline(Regulation(regulation), received, is_extended=extended, country=country.upper())
    except UnknownCountry as error:
        raise click.BadParameter(str(error), param_hint="--country") from None
    except DateOutOfRange as error:
        raise click.BadParameter(str(error), param_hint="--received") from None
    click.echo(json.dumps(_fields(found), indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(found)))


def _fields(found: Deadline) -> dict[str, object]:
    return {
        "regulation": found.regulation.value,
        "received": found.received.isoformat(),
        "extended": found.is_extended,
        "confirm_by": found.confirm_by.isoformat() if found.confirm_by else None,
        "confirm_rule": found.confirm_rule,
        "due": found.due.isoformat(),
        "rule": found.due_rule,
        "target": found.target.isoformat(),
        "extend_by": found.extend_by.isoformat(),
    }


def _lines(found: Deadline) -> list[str]:
    confirm = _day(found.confirm_by) if found.confirm_by else "no day set"
    lines = [
        f"Received     {_day(found.received)}{_remark(found)}",
        f"Confirm by   {confirm}",
        f"             {found.confirm_rule}",
        f"Due          {_day(found.due)}",
        f"             {found.due_rule}",
    ]
    if found.target != found.due:
        lines.append(f"Target       {_day(found.target)}, the last working day before it")
    if not found.is_extended:
        lines.append(f"Extension    can be told, with reasons, until {_day(found.extend_by)}")
    return lines


def _remark(found: Deadline) -> str:
    """Said of days that look mistyped. They are computed all the same, as plans and old cases are."""
    if found.received > datetime.now(UTC).date():
        return ", which is still to come"
    if found.received < APPLIES_FROM[found.regulation]:
        return f", before the law applied ({APPLIES_FROM[found.regulation]})"
    return ""


def _day(day: date) -> str:
    return f"{day.isoformat()} ({day:%A})"


@rights.command("verify-receipt")
@click.argument("file", type=click.File("rb"))
def verify_receipt(file: BinaryIO) -> None:
    """Check that a receipt of an erasure is as it was signed, and say what it says.

    Compare the public key with the one your organisation gave you: whoever has another key can sign as well.
    """
    try:
        receipt, public_key = verified(file.read(1 << 16))
    except InvalidReceipt as error:
        raise click.ClickException(str(error)) from None
    at = f"{receipt.erased_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{receipt.organisation} erased {receipt.person} ({receipt.request}) at {at}:")
    click.echo(
        f"{receipt.events} single uses, {receipt.devices} devices. Entry in the audit trail: {receipt.audit_entry}"
    )
    click.echo(f"Signed with the key {public_key}")

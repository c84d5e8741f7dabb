"""`toktra privacy-hours …`."""

from __future__ import annotations

import json
import math
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from toktra.agent.privacy_hours.calendar import Calendar
from toktra.agent.privacy_hours.gate import decide_at
from toktra.agent.privacy_hours.timeline import FIRST_S, LAST_S, Timeline
from toktra.agent.privacy_hours.windows import UnreadableWindow, parse_window
from toktra.agent.privacy_hours.words import because, sentence
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone
from toktra.wire.schedule import FIRST_DATE, LAST_DATE, MAX_WINDOWS, Schedule, Window


def _windows(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[Window, ...]:
    del ctx, param
    if len(texts) > MAX_WINDOWS:
        raise click.BadParameter(f"at most {MAX_WINDOWS} windows, not {len(texts)}")
    try:
        return tuple(parse_window(text) for text in texts)
    except UnreadableWindow as error:
        raise click.BadParameter(str(error)) from None


def _zone(ctx: click.Context, param: click.Parameter, name: str) -> ZoneInfo:
    del ctx, param
    try:
        return find_zone(name)
    except UnknownZone as error:
        raise click.BadParameter(str(error)) from None


def _instant(ctx: click.Context, param: click.Parameter, text: str) -> datetime:
    del ctx, param
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time; write it like 2027-03-28T02:30:00+01:00") from None
    if instant.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no offset, so it says no one moment; add one, like +01:00 or Z")
    if not FIRST_S <= instant.timestamp() < LAST_S:
        raise click.BadParameter(f"{text!r} does not lie between {FIRST_DATE} and {LAST_DATE}")
    return instant


@click.group()
def privacy_hours() -> None:
    """Say when this device is private, and why."""


@privacy_hours.command()
@click.option(
    "--window",
    "windows",
    metavar="WINDOW",
    multiple=True,
    callback=_windows,
    help="Private time, like 'mon-fri 12:00-13:00', 'daily 22:00-06:00', 'sat' or '2027-12-24'. May be repeated.",
)
@click.option(
    "--zone",
    metavar="ZONE",
    required=True,
    callback=_zone,
    help="The time zone of the windows, for example Europe/Berlin.",
)
@click.option("--at", metavar="TIME", required=True, callback=_instant, help="The moment asked about, with its offset.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(windows: tuple[Window, ...], zone: ZoneInfo, at: datetime, as_json: bool) -> None:
    """Say whether a moment would be private under the given windows, until when, and why. Asks no device."""
    schedule = Schedule(zone=zone.key, windows=windows)
    decision = decide_at(Timeline([Calendar(schedule, zone, added=False)]), math.floor(at.timestamp()))
    if not as_json:
        click.echo(sentence(decision, zone))
        return
    until = None if decision.until is None else decision.until.astimezone(zone).isoformat()
    click.echo(json.dumps({"state": decision.state.value, "until": until, "because": because(decision)}))

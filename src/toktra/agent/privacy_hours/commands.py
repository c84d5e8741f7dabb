"""`toktra privacy-hours …`: what an account says about its own private time, and what it is told."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from toktra.agent.control_client import ask
from toktra.agent.control_messages import (
    Add,
    ConfirmClock,
    ConfirmPortal,
    HoursRequest,
    PauseFor,
    PauseUntil,
    Remove,
    RemoveAll,
    Resume,
    Show,
    Told,
)
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.privacy_hours.calendar import Calendar
from toktra.agent.privacy_hours.gate import decide_at
from toktra.agent.privacy_hours.timeline import FIRST_S, LAST_S, Timeline
from toktra.agent.privacy_hours.windows import UnreadableWindow, format_window, parse_window
from toktra.agent.privacy_hours.wishes import MAX_PAUSE_MINUTES
from toktra.agent.privacy_hours.words import because, sentence, what_waits
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone
from toktra.agent.state_directory import find_running
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


def _zone_if_any(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    return None if name is None else _zone(ctx, param, name).key


def duration(ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
    """Minutes of a time like 30m or 1h30m."""
    del ctx, param
    if text is None:
        return None
    found = re.fullmatch(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,5})m)?", text.strip().lower().replace(" ", ""))
    minutes = 60 * int(found[1] or 0) + int(found[2] or 0) if found else 0
    if not 1 <= minutes <= MAX_PAUSE_MINUTES:
        raise click.BadParameter(f"{text!r} is not a time from 1m to {MAX_PAUSE_MINUTES}m; write it like 30m or 1h30m")
    return minutes


def _until(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime | None:
    """The next time this device's clock shows it; where it shows it twice, the later."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    if found is None:
        return _instant(ctx, param, text)
    now = datetime.now().astimezone()
    try:
        until = now.replace(tzinfo=None, hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0, fold=1)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time that a clock shows") from None
    return until.astimezone() if until.astimezone() > now else (until + timedelta(days=1)).astimezone()


state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
windows_argument = click.argument("windows", metavar="WINDOW...", nargs=-1, callback=_windows)
zone_option = click.option(
    "--zone",
    metavar="ZONE",
    callback=_zone_if_any,
    help="Zone the windows are written in. Default: that of your other windows, or this device's.",
)


@click.group()
def privacy_hours() -> None:
    """See and set your private time on this device. It is yours: nobody else's is shown or changed."""


@privacy_hours.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(state: Path | None, as_json: bool) -> None:
    """Say whether you are private now, until when and why, and list your windows."""
    told = _ask(state, Show())
    click.echo(json.dumps(_as_json(told), indent=2) if as_json else _at_length(told))


@privacy_hours.command()
@windows_argument
@zone_option
@state_option
def add(windows: tuple[Window, ...], zone: str | None, state: Path | None) -> None:
    """Add windows of private time, like "mon-fri 12:00-13:00", "daily 22:00-06:00", sat or 2027-12-24."""
    if not windows:
        raise click.UsageError('Name a window, for example "mon-fri 12:00-13:00".')
    _ask_and_tell(state, Add(windows=windows, zone=zone))


@privacy_hours.command()
@windows_argument
@click.option("--all", "every", is_flag=True, help="Remove all your windows, also ones that cannot be read any more.")
@state_option
def remove(windows: tuple[Window, ...], every: bool, state: Path | None) -> None:
    """Remove windows of yours, written as `show` lists them."""
    if every == bool(windows):
        raise click.UsageError("Name the windows to remove, or give --all.")
    _ask_and_tell(state, RemoveAll() if every else Remove(windows=windows))


@privacy_hours.command()
@click.option("--for", "minutes", metavar="TIME", callback=duration, help="How long, like 30m or 1h30m.")
@click.option("--until", metavar="TIME", callback=_until, help="Until when, like 18:00 or 2027-03-28T18:00:00+02:00.")
@state_option
def pause(minutes: int | None, until: datetime | None, state: Path | None) -> None:
    """Be private from now on: for a time, until a time, or until you resume."""
    if minutes is not None and until is not None:
        raise click.UsageError("Give --for or --until, not both.")
    _ask_and_tell(state, PauseUntil(until=until) if minutes is None else PauseFor(minutes=minutes))


@privacy_hours.command()
@state_option
def resume(state: Path | None) -> None:
    """End a pause, and the windows of yours that run now, this once."""
    _ask_and_tell(state, Resume())


@privacy_hours.command("confirm")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
def confirm_portal(state: Path | None, yes: bool) -> None:
    """Agree that private time ends on this device which was taken out elsewhere, in the portal or by an agreement."""
    told = _ask(state, Show())
    if told.waiting is None:
        click.echo("Nothing waits for you.")
        return
    click.echo("\n".join(what_waits(told.waiting)))
    if yes or click.confirm("End this private time on this device?"):
        _ask_and_tell(state, ConfirmPortal(waiting=told.waiting))
    else:
        click.echo("Nothing was changed.")


@privacy_hours.command("confirm-clock")
@state_option
def confirm_clock(state: Path | None) -> None:
    """Say that this device's clock is right, when it was set and is doubted because of that."""
    _ask_and_tell(state, ConfirmClock())


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


def _ask(state: Path | None, request: HoursRequest) -> Told:
    through_sudo = os.environ.get("SUDO_USER", "")
    try:
        if os.geteuid() == 0 and through_sudo not in ("", "root"):
            raise _NotYours(
                f"Privacy Hours are those of the account that asks. With sudo that is root, not {through_sudo}:"
                " run this again without sudo."
            )
        return ask(find_running(state).control, request)
    except AgentError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


class _NotYours(AgentError):
    exit_code = EXIT_NEEDS_YOU


def _ask_and_tell(state: Path | None, request: HoursRequest) -> None:
    told = _ask(state, request)
    click.echo(told.in_words)
    if told.note:
        click.echo(told.note, err=True)


def _at_length(told: Told) -> str:
    lines = [told.in_words, *([told.note] if told.note else [])]
    for schedule, whose in (
        *([(told.schedule, "Your windows")] if told.schedule else []),
        *((added, "Added by a works agreement") for added in told.added),
    ):
        if schedule.windows:
            lines += ["", f"{whose}, {schedule.zone}:", *(f"  {format_window(window)}" for window in schedule.windows)]
    if told.waiting:
        lines += ["", *what_waits(told.waiting)]
    if told.schedule and not told.schedule.windows:
        lines += ["", 'You have no windows. Add one: toktra privacy-hours add "mon-fri 12:00-13:00"']
    return "\n".join(lines)


def _as_json(told: Told) -> dict[str, object]:
    return {
        "state": "private" if told.private else "observed",
        "until": told.until.isoformat() if told.until else None,
        "because": told.because,
        "note": told.note,
        "zone": told.schedule.zone if told.schedule else None,
        "windows": [format_window(window) for window in told.schedule.windows] if told.schedule else None,
        "added": [
            {"zone": added.zone, "windows": [format_window(window) for window in added.windows]} for added in told.added
        ],
        "paused": told.pause is not None,
        "waits_for_you": what_waits(told.waiting) if told.waiting else [],
    }

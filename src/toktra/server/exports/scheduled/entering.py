"""The form of a scheduled export checked, so that a wrong field is named and nothing half right is stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled.schedule import Bucket, Folder, Keys, Plan, Rhythm
from toktra.server.usage.breakdown.view import UnusableView, choice
from toktra.server.web.language import _

USUAL_WAIT_DAYS: Final = 3
MOST_WAIT_DAYS: Final = 30
FURTHEST_BACK: Final = timedelta(days=400)

_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}(/[A-Za-z0-9][A-Za-z0-9._-]{0,60}){0,2}")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z0-9-]{1,60}")
_PREFIX: Final = re.compile(r"([A-Za-z0-9!_.*'()=-]+/)*")
_KEY_FIELDS: Final = ("access_key_id", "secret_access_key")
_KEY: Final = re.compile(r"[\x21-\x7e]{3,200}")


class InvalidSchedule(ValueError):
    """An entry cannot be taken. `field` names the field, the text says what it needs."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def entered(fields: Mapping[str, str], today: date, before: Plan | None = None) -> tuple[Plan, Keys | None]:
    """The plan and, for a bucket, its keys. Raises InvalidSchedule.

    `before`: the plan that is changed. It keeps its beginning, and a bucket the keys it has when none are given.
    """
    try:
        dataset = choice(fields, "dataset", Dataset, Dataset.DAILY)
        form = choice(fields, "format", Format, Format.CSV)
        rhythm = choice(fields, "rhythm", Rhythm, Rhythm.MONTHLY)
    except UnusableView as unusable:
        raise InvalidSchedule(unusable.field, str(unusable)) from None
    wait_days = _wait_days(fields)
    starts_on = before.starts_on if before else _starts_on(fields, today)
    target: Folder | Bucket
    keys = None
    match fields.get("target"):
        case "folder":
            target = Folder(_folder(fields))
        case "s3":
            target = _bucket(fields)
            has_keys = before is not None and isinstance(before.target, Bucket)
            keys = None if has_keys and not _gives_keys(fields) else _keys(fields)
        case _:
            raise InvalidSchedule("target", _("Choose a folder or a bucket."))
    plan = Plan(dataset=dataset, format=form, rhythm=rhythm, wait_days=wait_days, starts_on=starts_on, target=target)
    return plan, keys


def as_typed(plan: Plan) -> dict[str, str]:
    """The form that would say this plan. Keys are not in it."""
    return {**plan.sent.as_fields(), "rhythm": plan.rhythm.value, "wait_days": str(plan.wait_days)}


def _wait_days(fields: Mapping[str, str]) -> int:
    text = fields.get("wait_days", "").strip() or str(USUAL_WAIT_DAYS)
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= MOST_WAIT_DAYS:
        raise InvalidSchedule("wait_days", _("Give a number of days from 1 to %(most)s.") % {"most": MOST_WAIT_DAYS})
    return int(text)


def _starts_on(fields: Mapping[str, str], today: date) -> date:
    text = fields.get("starts_on", "").strip()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidSchedule("starts_on", _("Give a date as year-month-day, such as 2026-11-22.")) from None
    if not today - FURTHEST_BACK <= day <= today + FURTHEST_BACK:
        sentence = _("Give a date from %(first)s to %(last)s. Older days can be downloaded.")
        first, last = today - FURTHEST_BACK, today + FURTHEST_BACK
        raise InvalidSchedule("starts_on", sentence % {"first": first.isoformat(), "last": last.isoformat()})
    return day


def _folder(fields: Mapping[str, str]) -> str:
    name = fields.get("folder", "").strip().strip("/")
    if not _FOLDER.fullmatch(name):
        raise InvalidSchedule(
            "folder", _("Give the name of a folder such as finance or finance/ai: letters, digits, dots and dashes.")
        )
    return name


def _bucket(fields: Mapping[str, str]) -> Bucket:
    endpoint = fields.get("endpoint", "").strip().rstrip("/")
    region = fields.get("region", "").strip().lower()
    bucket = fields.get("bucket", "").strip()
    prefix = fields.get("prefix", "").strip().lstrip("/")
    if endpoint and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]{1,300}", endpoint):
        raise InvalidSchedule("endpoint", _("Give an address such as https://s3.example.org, or nothing for Amazon."))
    if not _REGION.fullmatch(region):
        raise InvalidSchedule("region", _("Give the bucket’s region, such as eu-central-1."))
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise InvalidSchedule("bucket", _("Give the bucket’s name: 3 to 63 small letters, digits, dots and dashes."))
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    if not _PREFIX.fullmatch(prefix) or len(prefix) > 500 or "../" in prefix:
        raise InvalidSchedule("prefix", _("Give a path such as toktra/costs/, or nothing."))
    return Bucket(endpoint, region, bucket, prefix)


def _gives_keys(fields: Mapping[str, str]) -> bool:
    return any(fields.get(field, "").strip() for field in _KEY_FIELDS)


def _keys(fields: Mapping[str, str]) -> Keys:
    found = []
    for field in _KEY_FIELDS:
        value = fields.get(field, "").strip()
        if not _KEY.fullmatch(value):
            raise InvalidSchedule(field, _("Give the key as the bucket’s service shows it."))
        found.append(value)
    return Keys(*found)

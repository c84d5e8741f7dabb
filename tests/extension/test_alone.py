"""What a browser without an agent decides by itself, under node: signatures, private time, what a server may say."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from toktra.agent.privacy_hours.clock import Reading, trust_at_first
from toktra.agent.privacy_hours.gate import Gate, State
from toktra.agent.privacy_hours.wishes import Wishes
from toktra.wire.portal import QUESTION_BYTES, decode_question
from toktra.wire.schedule import DAYS, DatedWindow, Schedule, WeeklyWindow
from toktra.wire.signatures import InvalidSignature, claimed_key_id, decode_public_key, verify

ALONE = Path(__file__).parents[2] / "extension" / "alone"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
]
"""Berlin's two, Lord Howe's half hour, New York's."""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def run(script: str, given: object = None) -> Any:
    names = {
        "signature": "newKeyPair, publicKeyText, signedHeaders",
        "gate": "decide, mayKeep, nextChange, nothingYet",
        "wishes": "done",
        "weeks": "NOTHING_SAID, confirmed, inForce, question, taken",
        "server": "serverAddress",
    }
    imports = "".join(f'import {{ {what} }} from "{(ALONE / f"{name}.js").as_uri()}";' for name, what in names.items())
    imports += 'import { readFileSync } from "node:fs"; const given = JSON.parse(readFileSync(0, "utf8"));'
    imports += "const say = (what) => console.log(JSON.stringify(what));"
    command = ["node", "--no-warnings", "--input-type=module", "-e", f"{imports}{script}"]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_signature_is_one_the_server_takes_and_no_other_body_fits_it() -> None:
    given = {"body": '{"epoch":1,"ö":"…"}', "path": "/ingest/v1/batches", "keyId": "a:b"}
    script = """
      const { publicKey, privateKey } = await newKeyPair();
      const body = new TextEncoder().encode(given.body);
      const of = { path: given.path, keyId: given.keyId, privateKey, createdS: Date.now() / 1000 };
      const headers = await signedHeaders({ ...of, body });
      const out = await crypto.subtle.exportKey("pkcs8", privateKey).then(() => "taken out", () => "stays");
      say({ headers, key: await publicKeyText(publicKey), out });
    """
    told = run(script, given)
    assert told["out"] == "stays"
    headers = {name.lower(): value for name, value in told["headers"].items()}
    body, key = given["body"].encode(), decode_public_key(told["key"])
    assert claimed_key_id(headers) == "a:b"
    verify(method="POST", url="https://any/ingest/v1/batches", headers=headers, body=body, key_id="a:b", public_key=key)
    for changed in ({"body": body + b" "}, {"url": "https://any/ingest/v1/key"}, {"method": "GET"}):
        parts: dict[str, Any] = {"method": "POST", "url": "https://any/ingest/v1/batches", "body": body, **changed}
        with pytest.raises(InvalidSignature):
            verify(headers=headers, key_id="a:b", public_key=key, **parts)


def plans() -> list[tuple[Schedule, Schedule, str, datetime]]:
    """Schedules, the zone the device is in and an instant, many of them near a change of the clock."""
    draw = random.Random(20261123)

    def window() -> WeeklyWindow | DatedWindow:
        start = draw.choice([0, 60, 90, 120, 150, 720, draw.randrange(1440)])
        end = draw.choice([1440, 1, (start + 30) % 1440 or 1440, (start + 600) % 1440 or 1, draw.randint(1, 1440)])
        if end == start:
            end = start + 1
        if draw.random() < 0.3:
            on = draw.choice(CHANGES).date() + timedelta(days=draw.randint(-1, 1))
            return DatedWindow(on=on, start_minute=start, end_minute=end)
        days = tuple(day for day in DAYS if draw.random() < 0.5) or ("sun",)
        return WeeklyWindow(days=days, start_minute=start, end_minute=end)

    found = []
    for _ in range(1500):
        at = draw.choice(CHANGES) + timedelta(seconds=draw.randint(-6 * 3600, 6 * 3600))
        if draw.random() < 0.3:
            at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=draw.randrange(300 * 86_400))
        own, added = (
            Schedule(zone=draw.choice(ZONES), windows=tuple(window() for _ in range(draw.randint(0, 2)))) for _ in "ab"
        )
        found.append((own, added, draw.choice(ZONES), at))
    return found


def steady(zone: str, at: datetime) -> bool:
    """Whether no clock of the zone changes within the hours in which the extension doubts."""
    around = {(at + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in (-4, -2, 0, 2, 4)}
    return len(around) == 1


def test_it_is_private_whenever_the_agent_would_be_and_otherwise_only_near_a_change_of_the_clock() -> None:
    cases = plans()
    script = """
      say(given.map(([own, added, zone, now]) => {
        const wishes = { ...nothingYet(0, own.zone), windows: own.windows, added: [added] };
        return decide(wishes, { now, seen: 0, zone }).state;
      }));
    """
    given = [(plain(own), plain(added), zone, at.timestamp() * 1000) for own, added, zone, at in cases]
    answers = run(script, given)
    private = 0
    for (own, added, zone, at), answer in zip(cases, answers, strict=True):
        reading = Reading(wall_s=at.timestamp(), monotonic_s=1000.0, boot="b")
        gate = Gate(Wishes(schedule=own, added=(added,)), trust_at_first(reading))
        expected = gate.decide(reading, ZoneInfo(zone)).state is State.PRIVATE
        private += expected
        if expected or all(steady(one, at) for one in (own.zone, added.zone, zone)):
            assert (answer == "private") is expected, (own, added, zone, at)
    assert 300 < private < 1200


def plain(schedule: Schedule) -> dict[str, Any]:
    windows = [
        {"every": "once", "on": one.on.isoformat(), "start_minute": one.start_minute, "end_minute": one.end_minute}
        if isinstance(one, DatedWindow)
        else {"every": "week", "days": one.days, "start_minute": one.start_minute, "end_minute": one.end_minute}
        for one in schedule.windows
    ]
    return {"zone": schedule.zone, "windows": windows}


CLOCK = """
  const zone = "UTC";
  const at = (minutes) => ({ now: given + minutes * 60_000, seen: given, zone });
  const seconds = (minutes) => (given + minutes * 60_000) / 1000;
  const use = (from, to) => ({ host: "chatgpt.com", started_at: seconds(from), ended_at: seconds(to) });
  const start = nothingYet(given - 3_600_000, zone);
  const lunch = { every: "week", days: ["mon", "tue"], start_minute: 780, end_minute: 840 }; // it is Monday, 12:00
  const kept = (wishes, minutes, ...uses) => uses.map(([from, to]) => mayKeep(wishes, use(from, to), at(minutes)));
"""


def test_no_use_that_touches_private_time_is_kept() -> None:
    told = run(
        CLOCK
        + """
      const paused = done(start, { kind: "pause", minutes: 30 }, at(0));
      const planned = done(start, { kind: "add-window", window: lunch }, at(0));
      const ended = done(planned, { kind: "resume" }, at(65)); // in the middle of lunch
      const longer = done(done(start, { kind: "pause" }, at(0)), { kind: "pause", minutes: 5 }, at(1));
      const personal = done(start, { kind: "personal", on: true, minutes: 60 }, at(0));
      const nonsense = [
        { kind: "pause", minutes: 0 }, { kind: "pause", minutes: "9" }, { kind: "overrule" },
        ...[{ days: [] }, { end_minute: 780 }].map((wrong) => ({ kind: "add-window", window: { ...lunch, ...wrong } })),
      ];
      const until = [[paused, 1], [planned, 1], [planned, 61], [longer, 1]];
      say({
        plain: kept(start, 0, [-5, -1], [-90, -1], [1, 9]),
        paused: kept(paused, 40, [-5, 1], [1, 2], [29, 31], [31, 32]),
        planned: kept(planned, 400, [1, 59], [1, 61], [59, 300], [70, 71], [121, 122]),
        ended: kept(ended, 3000, [60, 64], [64, 66], [66, 70], [24 * 60 + 61, 24 * 60 + 62]),
        states: [[ended, 70], [ended, 24 * 60 + 70], [longer, 30]].map(([one, then]) => decide(one, at(then)).state),
        until: until.map(([one, then]) => nextChange(one, at(then))).map((edge) => edge && (edge - given) / 60_000),
        personal: kept(personal, 80, [-1, 1], [1, 2], [59, 70], [61, 62]),
        nonsense: nonsense.map((act) => done(start, act, at(0))),
      });
    """,
        NOON,
    )
    assert told["plain"] == [True, False, False]
    assert told["paused"] == [False, False, False, True]
    assert told["planned"] == [True, False, False, False, True]
    assert told["ended"] == [False, False, True, False]
    assert told["states"] == ["observed", "private", "private"]
    assert told["until"] == [30, 60, 120, None]
    assert told["personal"] == [False, False, False, True]
    assert told["nonsense"] == [None] * 5


def test_a_clock_that_was_set_back_makes_it_private_until_the_owner_says_it_is_right() -> None:
    told = run(
        CLOCK
        + """
      const planned = done(start, { kind: "add-window", window: lunch }, at(0));
      const back = { now: given - 7_200_000, seen: given, zone };
      const right = done(planned, { kind: "confirm-clock" }, back);
      say([
        decide(planned, back), mayKeep(planned, use(-121, -120), back), decide(start, back).state,
        decide(planned, { ...back, now: given }).state, done(planned, { kind: "pause", minutes: 9 }, back).pause.until,
        mayKeep(right, use(-119, -118), { now: given - 7_000_000, seen: back.now, zone }),
      ]);
    """,
        NOON,
    )
    assert told == [{"state": "private", "reason": "clock"}, False, "observed", "observed", None, True]


def test_what_a_server_says_adds_private_time_and_takes_none_away() -> None:
    week = {"zone": "UTC", "windows": [{"every": "week", "days": ["fri"], "start_minute": 0, "end_minute": 60}]}
    other = {"zone": "UTC", "windows": [{"every": "week", "days": ["sat"], "start_minute": 0, "end_minute": 60}]}

    def said(version: int, schedule: object, agreement: object = None) -> dict[str, object]:
        weeks = [{"account": "browser", "version": version, "schedule": schedule}]
        return {"agreement_version": version, "agreement": agreement, "weeks": weeks, "filling": ""}

    none = {"zone": "UTC", "windows": []}
    others = [{"account": "ada", "version": 99, "schedule": week}]
    answers = [
        said(2, week, other),
        said(1, none),
        said(3, none),
        said(4, "junk"),
        None,
        "x",
        {"agreement_version": 9, "agreement": None, "weeks": others},
        {"agreement_version": -1, "agreement": week},
        said(5, {"zone": "No/Where", "windows": []}),
    ]
    script = """
      const days = (said) => inForce(said).flatMap(({ windows }) => windows.map((window) => window.days[0]));
      let now = NOTHING_SAID;
      const seen = given.map((answer) => {
        now = taken(now, answer, "browser");
        return days(now);
      });
      const text = question({ version: "extension-1", account: "browser", isUsed: true, said: now });
      say({ seen, text, agreed: days(confirmed(now)) });
    """
    told = run(script, answers)
    assert [sorted(one) for one in told["seen"]] == [["fri", "sat"]] * 9
    assert told["agreed"] == []
    asked = decode_question(told["text"].encode())
    assert len(told["text"].encode()) == QUESTION_BYTES
    assert [(one.account, one.version, one.standing) for one in asked.standings] == [("browser", 3, "waits")]


def test_the_address_of_a_server_is_encrypted_or_this_machine() -> None:
    given = {
        "https://toktra.example.org/": "https://toktra.example.org",
        " https://example.org/toktra ": "https://example.org/toktra",
        "http://127.0.0.1:8420": "http://127.0.0.1:8420",
        "http://localhost:8420/": "http://localhost:8420",
        "http://toktra.example.org": None,
        "http://127.0.0.1.evil.example": None,
        "https://user:word@example.org": None,
        "https://example.org/?x=1": None,
        "https://example.org/#x": None,
        "toktra.example.org": None,
        "file:///etc": None,
        "": None,
    }
    assert run("say(given.map(serverAddress))", list(given)) == list(given.values())

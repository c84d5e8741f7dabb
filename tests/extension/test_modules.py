"""The extension's own modules under node: floods, lost answers, workers put to sleep. What was taken is never lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXTENSION = Path(__file__).parents[2] / "extension"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

AREA = """
class Area {
  constructor() { this.kept = {}; }
  async get(name) { return name in this.kept ? { [name]: structuredClone(this.kept[name]) } : {}; }
  async set(values) { Object.assign(this.kept, structuredClone(values)); }
}
const POST = { method: "POST", type: "xmlhttprequest", timeStamp: 1000 };
const post = (id, url, extra = {}) => ({ requestId: id, url, ...POST, ...extra });
const say = (what) => console.log(JSON.stringify(what));
"""


def run(script: str) -> Any:
    imports = (
        f'import {{ Requests, MOST_OPEN }} from "{(EXTENSION / "requests.js").as_uri()}";'
        f'import {{ Outbox, MOST_WAITING }} from "{(EXTENSION / "outbox.js").as_uri()}";'
    )
    command = ["node", "--no-warnings", "--input-type=module", "-e", f"{imports}{AREA}{script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_use_has_host_times_sizes_and_whether_it_was_streamed_and_nothing_else() -> None:
    use = run("""
      const requests = new Requests();
      requests.begun(post("1", "https://chatgpt.com/backend-api/conversation?id=secret"));
      const responseHeaders = [{ name: "Content-Type", value: "text/event-stream; charset=utf-8" }];
      say(requests.ended({ requestId: "1", timeStamp: 3500, responseHeaders, requestSize: 0, responseSize: 77 }));
    """)
    assert len(use.pop("id")) == 36
    assert use == {
        "host": "chatgpt.com",
        "started_at": 1,
        "ended_at": 3.5,
        "request_bytes": None,
        "response_bytes": 77,
        "streamed": True,
    }


def test_a_range_has_the_steps_of_the_pages_and_holds_the_real_one() -> None:
    pairs = [(0, 0), (0, 2), (5, 5), (1234, 5678), (12, 29_587), (64, 9046), (99, 199)]
    script = (
        f'import {{ range }} from "{(EXTENSION / "figures.js").as_uri()}";'
        f"console.log(JSON.stringify({json.dumps(pairs)}.map(([low, high]) => range(low, high))))"
    )
    command = ["node", "--input-type=module", "-e", script]
    written = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    plain = [one.replace("\u00a0", " ") for one in written]
    assert plain == ["0", "0 – 2", "5", "1 200 – 5 800", "0 – 30 000", "0 – 9 500", "90 – 200"]


def test_what_is_no_use_is_not_begun_and_what_broke_off_before_an_answer_is_none() -> None:
    told = run("""
      const requests = new Requests();
      requests.begun(post("1", "https://chatgpt.com/x", { method: "GET" }));
      requests.begun(post("2", "https://example.com/x"));
      requests.begun(post("3", "https://chatgpt.com/x", { method: "GET", type: "websocket" }));
      requests.begun(post("4", "https://api.openai.com/v1"));
      requests.begun(post("5", "https://api.openai.com/v1"));
      requests.answered({ requestId: "5", responseHeaders: [{ name: "content-length", value: "12" }] });
      requests.answered({ requestId: "nobody" });
      for (const id of ["6", "7"]) requests.begun(post(id, "https://api.openai.com/v1"));
      const open = requests.entries().map(([id]) => id);
      const stop = (requestId) => ({ requestId, timeStamp: 500, ip: "192.0.2.1" });
      const ends = ["3", "4", "5"].map((id) => requests.brokeOff(stop(id), false));
      ends.push(requests.brokeOff(stop("6"), true));
      ends.push(requests.brokeOff({ requestId: "7", timeStamp: 500 }, true));
      console.log(JSON.stringify({ open, ends, left: requests.entries().length }));
    """)
    assert told["open"] == ["3", "4", "5", "6", "7"]
    assert [one is None for one in told["ends"]] == [True, True, False, False, True]
    assert (told["ends"][2]["response_bytes"], told["ends"][2]["ended_at"]) == (12, 1)
    assert told["ends"][3]["response_bytes"] is None
    assert "192.0.2.1" not in json.dumps(told)
    assert told["left"] == 0


def test_a_flood_is_bounded_and_a_worker_that_was_put_to_sleep_goes_on() -> None:
    told = run("""
      const requests = new Requests();
      for (let n = 0; n < MOST_OPEN + 5000; n++) requests.begun(post(String(n), "https://api.openai.com/v1"));
      const woken = new Requests(JSON.parse(JSON.stringify(requests.entries())));
      const use = woken.ended({ requestId: "7", timeStamp: 2000 });
      say({ open: requests.open.size, most: MOST_OPEN, notTaken: requests.notTaken, host: use.host });
    """)
    assert told == {"open": 2000, "most": 2000, "notTaken": 5000, "host": "api.openai.com"}


def test_what_waits_is_handed_over_once_the_agent_answers_and_not_before() -> None:
    told = run("""
      const area = new Area(), sent = [];
      let answering = false;
      const agent = async (message) => {
        sent.push(message.uses.length);
        return answering ? { kind: "state", state: "observed" } : { kind: "absent" };
      };
      let open = ["asked"];
      const first = new Outbox(area, agent, () => ({ open }));
      for (let n = 0; n < 130; n++) await first.put([{ id: n }]);
      await first.keep();
      await Promise.all([first.flush(), first.flush()]);
      const waited = area.kept.waiting.length;
      answering = true;
      const second = new Outbox(area, agent, () => ({ open })); // another life of the worker
      const before = area.kept.open;
      open = []; // it was answered, and no write came since
      const answer = await second.flush();
      const left = area.kept.waiting.length;
      console.log(JSON.stringify({ waited, sent, left, answer: answer.kind, open: [before, area.kept.open] }));
    """)
    assert told == {"waited": 130, "sent": [100, 100, 30], "left": 0, "answer": "state", "open": [["asked"], []]}


def test_what_came_while_an_attempt_was_unanswered_is_tried_again_when_it_fails() -> None:
    told = run("""
      const sent = [], answers = [];
      const outbox = new Outbox(new Area(), async (message) => {
        sent.push(message.uses.length);
        return new Promise((resolve) => answers.push(resolve));
      });
      const asked = async (times) => {
        while (answers.length < times) await new Promise((resolve) => setTimeout(resolve, 1));
      };
      await outbox.put([{ id: 1 }]);
      const first = outbox.flush();
      await asked(1);
      await outbox.put([{ id: 2 }]);
      outbox.flush();
      answers[0]({ kind: "absent" });
      await asked(2);
      answers[1]({ kind: "state", state: "observed" });
      console.log(JSON.stringify({ sent, answer: (await first).kind, left: outbox.waiting.length }));
    """)
    assert told == {"sent": [1, 2], "answer": "state", "left": 0}


def test_more_than_anybody_uses_is_counted_and_not_kept() -> None:
    told = run("""
      const outbox = new Outbox(new Area(), async () => ({ kind: "absent" }));
      for (let n = 0; n < MOST_WAITING - 10; n += 90) await outbox.put(Array.from({ length: 90 }, () => ({ id: n })));
      await outbox.put(Array.from({ length: 20 }, () => ({ id: "late" })));
      console.log(JSON.stringify([outbox.waiting.length, outbox.notTaken]));
    """)
    assert told == [1000, 10]

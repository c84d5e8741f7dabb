"""The extension's queue and uplink in a real Chromium, over its real IndexedDB, against a server that answers anything.

A small server of the test's own stands in for one that is broken, old, restored or full; it keeps what it took by the
contract, so that what arrived can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.lab.extended import extended

from toktra.agent.browser.identity import chrome_id

ORIGIN = f"chrome-extension://{chrome_id()}"

pytestmark = pytest.mark.browser

PARTS = """
  const { Database } = await import('/alone/database.js');
  const { Queue } = await import('/alone/queue.js');
  const { Uplink } = await import('/alone/uplink.js');
  const { Unreachable } = await import('/alone/server.js');
  let now = 1_800_000_000_000;
  const database = new Database('trial ' + crypto.randomUUID());
  const identity = { server: 'https://toktra.example', device: 'd', keyId: 'k' };
  const entries = (from, to) => Array.from({ length: to - from }, (_, place) => ({
    id: String(from + place), day: 'today',
    event: {
      provider_host: 'chatgpt.com', request_bytes: from + place, estimated_input_tokens: 1, estimated_output_tokens: 2,
    },
  }));
  // The server's side of the contract: each sequence of an epoch once.
  const server = { epoch: 1, last: 0, took: [], missed: 0, answers: [] };
  const contract = (batch) => {
    const isNew = batch.epoch > server.epoch && batch.prev_seq === 0;
    if (isNew) Object.assign(server, { epoch: batch.epoch, last: 0 });
    else if (batch.epoch !== server.epoch || batch.prev_seq > server.last) return { status: 409 };
    const anew = batch.events.filter(({ sequence }) => sequence > server.last);
    server.took.push(...anew.map((event) => event.request_bytes));
    server.last = Math.max(server.last, batch.prev_seq + batch.events.length);
    server.missed = batch.missed;
    return { status: 200 };
  };
  const post = async (_identity, _path, text) => {
    const batch = JSON.parse(text);
    const next = server.answers.shift() ?? 'take';
    if (next === 'lose') throw new Unreachable('nobody there');
    if (next === 'lose the answer') { contract(batch); throw new Unreachable('it broke off'); }
    if (typeof next === 'function') return { server: identity.server, retryAfterS: 0, ...next(batch) };
    const { status } = contract(batch);
    return { status, message: { epoch: server.epoch, last_seq: server.last }, retryAfterS: 0, server: identity.server };
  };
  const made = (most) => {
    const queue = new Queue(database, most);
    const versions = { agent: 'a', estimator: 'e' };
    return { queue, uplink: new Uplink({ database, queue, post, versions, now: () => now, jitter: () => 0.5 }) };
  };
  let { queue, uplink } = made();
  const run = async (times = 1, maySend = true) => {
    for (let time = 0; time < times; time++) { await uplink.run(identity, { maySend }); now += 600_000; }
    return uplink.condition();
  };
  const upTo = (number) => Array.from({ length: number }, (_, place) => place);
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with sync_playwright() as playwright:
        context = extended(playwright, tmp_path_factory.mktemp("uplink"))
        page = context.new_page()
        page.goto(f"{ORIGIN}/popup.html")
        yield page
        context.close()


def told(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {PARTS} {script} }}")


def test_a_full_disk_changes_nothing_and_later_there_is_room_again(page: Page) -> None:
    # The first of this file: Chromium remembers for a while how much room there was.
    devtools = page.context.new_cdp_session(page)
    opened = """
      async () => {
        const { Database } = await import('/alone/database.js');
        const { Queue } = await import('/alone/queue.js');
        window.trial = new Queue(new Database('full'));
        return (await window.trial.counts()).waiting;
      }
    """
    assert page.evaluate(opened) == 0
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": ORIGIN, "quotaSize": 1})
    entry = "{ id: '1', day: 'today', event: { provider_host: 'chatgpt.com', filling: 'x'.repeat(20_000_000) } }"
    add = f"() => window.trial.add([{entry}], {{ day: 'today' }}).then(() => 'kept', (error) => error.name)"
    refused = page.evaluate(add)
    counts = page.evaluate("() => window.trial.counts().then(({ waiting }) => waiting)")
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": ORIGIN})
    assert (refused, counts) == ("QuotaExceededError", 0)
    assert page.evaluate(add) == "kept"
    assert page.evaluate("() => window.trial.counts().then(({ waiting }) => waiting)") == 1


def test_lost_answers_killed_workers_and_restored_servers_lose_and_double_nothing(page: Page) -> None:
    assert told(
        page,
        """
        await queue.add(entries(0, 700), { day: 'today' });
        await queue.add(entries(0, 700), { day: 'today' }); // the worker was killed before it knew
        server.answers = ['take', 'lose the answer', 'lose'];
        await run(1);
        ({ queue, uplink } = made()); // another life of the worker
        await run(2);
        const once = same(server.took, upTo(700)) && (await queue.counts()).waiting === 0;

        Object.assign(server, { last: 300 }); // it was restored from yesterday
        await queue.add(entries(700, 720), { day: 'today' });
        await run(3);
        const anew = [(await queue.counts()).epoch, server.epoch, same(server.took, upTo(720))];
        const { hosts, left } = await queue.shown('today', 3);
        const tomorrow = (await queue.shown('tomorrow', 3)).hosts;
        return { once, anew, sums: hosts['chatgpt.com'], left: left.length, tomorrow };
        """,
    ) == {
        "once": True,
        "anew": [2, 2, True],
        "sums": {"exchanges": 720, "input": 720, "output": 1440},
        "left": 3,
        "tomorrow": {},
    }


def test_answers_of_the_wrong_shape_change_nothing_and_are_waited_out(page: Page) -> None:
    answers = [
        ("{ status: 200, message: null }", "unreachable", "no_server"),
        ("{ status: 200, message: { epoch: 'one', last_seq: 1 } }", "unreachable", "no_server"),
        ("{ status: 200, message: { epoch: 1, last_seq: -4 } }", "unreachable", "no_server"),
        ("{ status: 200, message: [] }", "unreachable", "no_server"),
        ("{ status: 302, message: null }", "unreachable", "not_taken"),
        ("{ status: 400, message: { field: 'epoch', detail: 'x' } }", "unreachable", "not_understood"),
        ("{ status: 503, message: { detail: 'busy' }, retryAfterS: 60 }", "unreachable", "not_taken"),
        ("{ status: 401, message: null }", "shut-out", "not_known"),
        ("{ status: 403, message: { detail: 7 } }", "shut-out", "shut_out"),
    ]
    listed = ", ".join(f"(() => ({answer}))" for answer, _, _ in answers)
    found = told(
        page,
        f"""
        await queue.add(entries(0, 5), {{ day: 'today' }});
        const seen = [];
        for (const answer of [{listed}]) {{
          server.answers = [answer];
          const {"{ link, because }"} = await run();
          now += 7_200_000;
          seen.push([link, because, (await queue.counts()).waiting]);
        }}
        const {{ link, because }} = await run();
        return {{ seen, after: [link, because, same(server.took, upTo(5))] }};
        """,
    )
    assert found["seen"] == [[link, because, 5] for _, link, because in answers]
    assert found["after"] == ["connected", None, True]


def test_a_refused_event_goes_alone_a_full_queue_drops_the_oldest_and_private_time_sends_a_question(page: Page) -> None:
    assert told(
        page,
        """
        await queue.add(entries(0, 6), { day: 'today' });
        const refused = { status: 400, message: { field: 'events[2].provider_host', detail: 'not in the catalogue' } };
        server.answers = ['take', () => refused];
        await run(2);
        const alone = [[...server.took], (await queue.counts()).refused];

        const tooLarge = () => ({ status: 413, message: null });
        server.answers = ['take', tooLarge, tooLarge];
        await queue.add(entries(6, 30), { day: 'today' });
        await run(2);
        const halved = server.took.length;

        ({ queue, uplink } = made(10));
        await queue.add(entries(30, 48), { day: 'today', lost: 3 });
        const before = await queue.counts();
        const sizes = [];
        const watched = (batch) => {
          sizes.push(batch.events.length);
          return { status: 200, message: { epoch: 1, last_seq: server.last } };
        };
        server.answers = Array(9).fill(watched);
        await run(1, false);
        server.answers = [];
        await run(2);
        const { dropped, waiting: waited } = before;
        return { alone, halved, dropped, waited, sizes, last: server.took.slice(-10), missed: server.missed };
        """,
    ) == {
        "alone": [[0, 1, 3, 4, 5], 1],
        "halved": 29,
        "dropped": 11,
        "waited": 10,
        "sizes": [0],
        "last": list(range(38, 48)),
        "missed": 11,
    }

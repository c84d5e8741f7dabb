// Wakes for a request to an AI provider, and sleeps otherwise. Listeners are registered at once, as browsers demand of a
// worker that they wake; what they need from memory is read behind them.
import { askAgent } from "./agent.js";
import { USES } from "./hosts.js";
import { Outbox } from "./outbox.js";
import { Requests } from "./requests.js";

const COMPANY_MS = 1500; // uses that end together travel together

const session = chrome.storage.session;
const outbox = new Outbox(session, askAgent);
const requests = session.get("open").then(({ open = [] }) => new Requests(open));
let privateUntil = session.get("privateUntil").then((kept) => kept.privateUntil ?? 0);
let timer = null;
let turn = Promise.resolve();

/** One event after the other, in the order they came, each kept before the next. */
function inTurn(act) {
  turn = turn.then(async () => {
    const known = await requests;
    const use = act(known);
    await session.set({ open: known.entries() });
    if (use) await hold(use);
  }).catch((error) => console.error(error));
}

async function hold(use) {
  if (Date.now() / 1000 < (await privateUntil)) return; // Privacy Hours: not even kept
  await outbox.put(use);
  timer ??= setTimeout(handOver, COMPANY_MS);
}

async function handOver() {
  timer = null;
  const answer = await outbox.flush();
  if (answer?.kind !== "state") return;
  const until = answer.state === "private" ? answer.until ?? 0 : 0;
  privateUntil = Promise.resolve(until);
  await session.set({ privateUntil: until });
}

const filter = { urls: USES };
chrome.webRequest.onBeforeRequest.addListener((details) => inTurn((known) => known.begun(details)), filter);
chrome.webRequest.onHeadersReceived.addListener((details) => inTurn((known) => known.answered(details)), filter, ["responseHeaders"]);
chrome.webRequest.onCompleted.addListener((details) => inTurn((known) => known.ended(details)), filter);
chrome.webRequest.onErrorOccurred.addListener((details) => inTurn((known) => known.brokeOff(details)), filter);
handOver(); // what an earlier run of this worker left

// Wakes for a request to an AI provider, and sleeps otherwise. Listeners are registered at once, as browsers demand of a
// worker that they wake; what they need from memory is read behind them.
import { askAgent } from "./agent.js";
import { USES } from "./hosts.js";
import { Outbox } from "./outbox.js";
import { Requests } from "./requests.js";

const COMPANY_MS = 1500; // uses that end together travel together
const ASK_AGAIN_S = 5; // whether private time, which the owner can end elsewhere too, is over

const session = chrome.storage.session;
const outbox = new Outbox(session, askAgent);
const requests = session.get("open").then(({ open = [] }) => new Requests(open));
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
  if (await inPrivate()) return; // not even kept
  await outbox.put(use);
  timer ??= setTimeout(handOver, COMPANY_MS);
}

async function handOver() {
  timer = null;
  const answer = await outbox.flush();
  if (answer?.kind === "state") await learn(answer);
}

/** Whether it is the owner's private time, as far as the agent said; it is asked again now and then. */
async function inPrivate() {
  const { privateUntil = 0, askedAt = 0 } = await session.get(["privateUntil", "askedAt"]);
  const now = Date.now() / 1000;
  if (now >= privateUntil) return false;
  if (now - askedAt < ASK_AGAIN_S) return true;
  const answer = await askAgent({ kind: "show" });
  if (answer.kind === "state") await learn(answer);
  return answer.state !== "observed";
}

function learn({ state, until }) {
  const privateUntil = state === "private" ? until ?? Number.MAX_SAFE_INTEGER : 0; // null: until the owner resumes
  return session.set({ privateUntil, askedAt: Date.now() / 1000 });
}

const filter = { urls: USES };
chrome.webRequest.onBeforeRequest.addListener((details) => inTurn((known) => known.begun(details)), filter);
chrome.webRequest.onHeadersReceived.addListener((details) => inTurn((known) => known.answered(details)), filter, ["responseHeaders"]);
chrome.webRequest.onCompleted.addListener((details) => inTurn((known) => known.ended(details)), filter);
chrome.webRequest.onErrorOccurred.addListener((details) => inTurn((known) => known.brokeOff(details)), filter);
handOver(); // what an earlier run of this worker left

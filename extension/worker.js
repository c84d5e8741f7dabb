// Wakes for a request to an AI provider, for the popup and at the times of uploads, and sleeps otherwise. Listeners are
// registered at once, as browsers demand of a worker that they wake; what they need from memory is read behind them.
//
// An agent on this machine is asked first, every time. Only where the browser says that there is none, and this browser was
// enrolled itself, do uses become events here: each is in one of the two.
import { askAgent } from "./agent.js";
import { Database } from "./alone/database.js";
import { Desk } from "./alone/desk.js";
import { NotEnrolled } from "./alone/enrolment.js";
import { post } from "./alone/server.js";
import { USES } from "./hosts.js";
import { Outbox } from "./outbox.js";
import { Requests } from "./requests.js";

const COMPANY_MS = 1500; // uses that end together travel together
const KEEP_APART_MS = 250; // of two writes; a worker that is ended from outside while a page asks often loses no more than this
const ASK_AGAIN_S = 5; // whether private time, which the owner can end elsewhere too, is over
const UPLOAD = "upload";
const UPLOAD_EVERY_MS = 15 * 60_000; // whatever happens here: when a browser speaks says nothing about its owner
const UPLOAD_SPREAD_MS = 5 * 60_000;
const ASK_HERE_EVERY_MS = 60_000; // where the server is this very machine
const SOONEST_ALARM_MS = 30_000; // what browsers allow

const IS_FIREFOX = navigator.userAgent.includes("Firefox/");

const session = chrome.storage.session;
let opened = null;
const requests = session.get("open").then(({ open = [] }) => (opened = new Requests(open)));
const outbox = new Outbox(session, deliver, () => (opened ? { open: opened.entries() } : {})); // no death comes between the two
const desk = platform().then((place) => new Desk({ database: new Database(), post, place }));
let timer = null;
let weeksAskedAt = 0;
let turn = Promise.resolve();
let acts = [];
let keeping = null;
let keptAt = 0;
let saidPrivateUntil = session.get("privateUntil").then(({ privateUntil = 0 }) => privateUntil);

async function platform() {
  const { os } = await chrome.runtime.getPlatformInfo();
  const version = `extension-${chrome.runtime.getManifest().version}`;
  const browser = ["firefox", "edg"].find((one) => navigator.userAgent.toLowerCase().includes(`${one}/`)) ?? "chrome";
  return { os, version, browser: browser === "edg" ? "edge" : browser };
}

/** One event after the other, in the order they came. */
function inTurn(act) {
  acts.push(act);
  if (acts.length === 1) turn = turn.then(takeTurns).catch((error) => console.error(error));
}

async function takeTurns() {
  const now = acts;
  acts = [];
  const known = await requests;
  const before = known.changes;
  const uses = [];
  for (const act of now) {
    try {
      const use = await act(known);
      if (use && (await mayHold(use))) uses.push(use);
    } catch (error) {
      console.error(error);
    }
  }
  if (known.changes === before) return;
  await outbox.put(uses);
  if (uses.length > 0) timer ??= setTimeout(handOver, COMPANY_MS);
  const inMs = keptAt + KEEP_APART_MS - Date.now();
  if (inMs <= 0 || inMs > KEEP_APART_MS) await keep(); // at once, also when the clock was set back
  else keeping ??= setTimeout(() => keep().catch((error) => console.error(error)), inMs);
}

function keep() {
  clearTimeout(keeping);
  keeping = null;
  keptAt = Date.now();
  return outbox.keep();
}

async function begin(known, details) {
  if (await (await desk).isObserved()) known.begun(details);
}

/** Whether a use may even be kept. */
async function mayHold(use) {
  return !(await inPrivate()) && (await desk).mayKeep(use);
}

async function handOver() {
  timer = null;
  const answer = await outbox.flush();
  if (answer?.kind === "state") await learn(answer);
  if (answer?.isAlone && (await (await desk).sendsAtOnce())) await upload();
}

/** Hands uses to the agent, and where there is none makes events of them here. */
async function deliver(message) {
  const answer = await askAgent(message);
  if (answer.isInstalled || !(await (await desk).isEnrolled())) return answer;
  const open = await requests;
  const lost = [open, outbox].map(({ notTaken }) => notTaken);
  try {
    await (await desk).take(message.uses, lost[0] + lost[1]);
    open.notTaken -= lost[0]; // they are counted there
    outbox.notTaken -= lost[1];
  } catch (error) {
    console.error(error); // the disk is full: they wait
    return answer;
  }
  return { kind: "state", state: "observed", isAlone: true };
}

/** Whether it is the owner's private time, as far as the agent said; it is asked again now and then. */
async function inPrivate() {
  const now = Date.now() / 1000;
  if (now >= (await saidPrivateUntil)) return false;
  const { askedAt = 0 } = await session.get("askedAt");
  if (now - askedAt < ASK_AGAIN_S) return true;
  const answer = await askAgent({ kind: "show" });
  if (answer.kind !== "state") return answer.isInstalled;
  await learn(answer);
  return answer.state === "private";
}

function learn({ state, until }) {
  const privateUntil = state === "private" ? until ?? Number.MAX_SAFE_INTEGER : 0; // null: until the owner resumes
  saidPrivateUntil = Promise.resolve(privateUntil);
  return session.set({ privateUntil, askedAt: Date.now() / 1000 });
}

/** At its own times, private or not; sooner only after a failure. */
async function upload() {
  const known = await desk;
  if (!(await known.isEnrolled())) return;
  const again = await known.upload().catch((error) => {
    console.error(error); // the disk is full
    return SOONEST_ALARM_MS / 1000;
  });
  const usual = (await known.sendsAtOnce()) ? ASK_HERE_EVERY_MS : UPLOAD_EVERY_MS + UPLOAD_SPREAD_MS * Math.random();
  const inMs = again === null ? usual : Math.max(SOONEST_ALARM_MS, 1000 * again);
  await chrome.alarms.create(UPLOAD, { when: Date.now() + inMs });
  if (Date.now() - weeksAskedAt < ASK_HERE_EVERY_MS) return;
  weeksAskedAt = Date.now();
  await known.askForWeeks();
}

/** What the popup asks. With an agent, it answers; without one, this browser by itself. */
async function answer(message) {
  if (message.kind === "enrol") return enrol(message);
  const known = await desk;
  const told = await askAgent(isForAgent(message) ? message : { kind: "show" });
  if (told.isInstalled) return told.kind === "state" ? (await learn(told), told) : told;
  if (!(await known.isEnrolled())) return { ...told, mayEnrol: true, trouble: await known.trouble() };
  if (message.kind !== "show" && !(await known.act(message))) return { kind: "refused", name: "not_possible", said: "" };
  return known.show();
}

function isForAgent({ kind }) {
  return ["show", "pause", "resume", "personal"].includes(kind);
}

async function enrol({ server, code }) {
  const known = await desk;
  if ((await askAgent({ kind: "show" })).isInstalled) return { kind: "refused", name: "agent_is_here", said: "" };
  try {
    await known.enrol({ server, code });
  } catch (error) {
    if (!(error instanceof NotEnrolled)) throw error;
    return { kind: "refused", name: error.name, said: error.said };
  }
  await outbox.clear(); // from before
  await upload();
  return known.show();
}

/** A fleet's policy names the server and a code. */
async function enrolAsManaged() {
  const terms = await chrome.storage.managed?.get(["server", "code", "person"]).catch(() => null); // Firefox: there is no policy
  if (!terms?.server || !terms.code || (await (await desk).isEnrolled())) return;
  await chrome.alarms.create(UPLOAD, { when: Date.now() + UPLOAD_EVERY_MS }); // should it not work now
  if ((await askAgent({ kind: "show" })).isInstalled) return;
  await (await desk).enrolAsManaged(terms);
  if (await (await desk).isEnrolled()) await outbox.clear().then(upload);
}

async function start() {
  await handOver(); // what an earlier run of this worker left
  await enrolAsManaged();
  if ((await (await desk).isEnrolled()) && !(await chrome.alarms.get(UPLOAD))) await upload();
}

const filter = { urls: USES };
chrome.webRequest.onBeforeRequest.addListener((details) => inTurn((known) => begin(known, details)), filter);
chrome.webRequest.onCompleted.addListener((details) => inTurn((known) => known.ended(details)), filter, ["responseHeaders"]);
chrome.webRequest.onErrorOccurred.addListener((details) => inTurn((known) => known.brokeOff(details, !IS_FIREFOX)), filter);
// Firefox knows a server's address before there is an answer. Elsewhere each event that wakes for nothing costs half a millisecond.
if (IS_FIREFOX) chrome.webRequest.onHeadersReceived.addListener((details) => inTurn((known) => known.answered(details)), filter, ["responseHeaders"]);
chrome.runtime.onMessage.addListener((message, sender, reply) => {
  if (sender.id !== chrome.runtime.id || typeof message?.kind !== "string") return false;
  answer(message).then(reply, (error) => reply({ kind: "refused", name: "not_kept", said: String(error?.message ?? error) }));
  return true;
});
chrome.alarms.onAlarm.addListener(({ name }) => {
  if (name === UPLOAD) handOver().then(enrolAsManaged).then(upload).catch((error) => console.error(error));
});
// Of the policy alone: a listener for all storage would be woken by every write of ours. Firefox reads a policy when it starts.
chrome.storage.managed?.onChanged?.addListener(() => enrolAsManaged().catch((error) => console.error(error)));
start().catch((error) => console.error(error));

// Uploads what the queue holds, in numbered batches, one at a time, as the agent does (src/toktra/agent/uplink.py). What it
// learns is kept, so a worker that is killed in the middle goes on where it was: a batch that may have arrived is asked for first.
import { Unreachable } from "./server.js";
import { BATCH_EVENTS } from "./queue.js";

export const BATCHES_PATH = "/ingest/v1/batches";
const MOST_AT_ONCE = 200; // batches in one run
const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 300;
const RETRY_WHEN_SHUT_OUT_S = 3600;
const LAST_EPOCH = 2 ** 31 - 1;
const NAMED_EVENT = /^events\[(\d+)\]/;

export const AT_FIRST = { link: "starting", because: null, said: "", failures: 0, notBefore: 0, lastAt: null, limit: BATCH_EVENTS, refusal: null };

export class Uplink {
  /** `post` is server.js's, `versions` names the agent and the estimator, `jitter` draws evenly from [0, 1). */
  constructor({ database, queue, post, versions, now = Date.now, jitter = Math.random }) {
    Object.assign(this, { database, queue, post, versions, now, jitter });
    this.running = null;
  }

  /** How it stands between this browser and its server, for its owner. */
  async condition() {
    return { ...AT_FIRST, ...(await this.database.get("link")) };
  }

  /** Sends all that may be sent, or without anything to send, or leave to send it, a question. Answers in how many seconds to try again, or null. */
  run(identity, { maySend }) {
    this.running ??= this.send(identity, maySend).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async send(identity, maySend) {
    let link = await this.condition();
    const wait = (link.notBefore - this.now()) / 1000;
    if (wait > 0 && wait <= 2 * RETRY_WHEN_SHUT_OUT_S) return wait; // more: the clock was set back since
    for (let round = 0; round < MOST_AT_ONCE; round++) {
      const counts = await this.queue.counts();
      const asks = !maySend || counts.waiting === 0 || counts.doubt || link.refusal !== null || link.link !== "connected";
      const batch = asks ? { ...question(counts), missed: counts.dropped } : await this.queue.nextBatch(link.limit);
      link = await this.exchange(identity, link, batch);
      await this.database.change(({ kept }) => kept.put(link, "link"));
      const after = await this.queue.counts();
      if (link.notBefore > this.now()) return (link.notBefore - this.now()) / 1000;
      if (!maySend || after.waiting === 0) return null;
    }
    return FIRST_RETRY_S;
  }

  /** The link as it is after this batch. */
  async exchange(identity, link, batch) {
    const message = {
      epoch: batch.epoch, prev_seq: batch.prev_seq, agent_version: this.versions.agent, estimator_version: this.versions.estimator,
      missed: batch.missed, events: batch.events.map((event) => ({ ...event, device: identity.device })),
    };
    let answer;
    try {
      answer = await this.post(identity, BATCHES_PATH, JSON.stringify(message));
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return this.later(link, "unreachable", error.message);
    }
    link = { ...link, moved: answer.server === identity.server ? null : answer.server };
    const { status } = answer;
    if (status === 200 || status === 409) return this.understood(link, answer, batch);
    if (status === 400 || status === 422) return this.refused(link, answer, batch);
    if (status === 413 && batch.events.length > 1) return { ...link, limit: Math.ceil(batch.events.length / 2) };
    if (status === 413 && batch.events.length === 1) return this.suspect(link, batch.events[0].sequence);
    if (status === 401 || status === 403) {
      const notBefore = this.now() + 1000 * RETRY_WHEN_SHUT_OUT_S * (0.5 + this.jitter());
      return { ...link, link: "shut-out", because: status === 401 ? "not_known" : "shut_out", said: said(answer), notBefore };
    }
    return this.later(link, "not_taken", said(answer), answer.retryAfterS);
  }

  async understood(link, answer, batch) {
    const mark = markOf(answer.message);
    if (mark === null) return this.later(link, "no_server", "");
    const agreed = await this.queue.settle(mark, this.now());
    if (!agreed) { // a new epoch is introduced at once, but not twice in a row
      return link.failures > 0 ? this.later(link, "not_taken", "") : { ...link, link: "starting", failures: 1 };
    }
    const delivered = batch.events.length > 0 && mark.last_seq >= batch.prev_seq + batch.events.length;
    if (batch.events.length > 0 && !delivered) return this.later(link, "not_taken", "");
    if (link.refusal !== null) await this.queue.refuse(link.refusal);
    const failures = delivered || (await this.queue.counts()).waiting === 0 ? 0 : link.failures;
    return { ...link, link: "connected", because: null, said: "", failures, notBefore: 0, refusal: null, lastAt: delivered ? this.now() : link.lastAt };
  }

  /** 400: an event that is named goes; it is asked first whether the server has it. */
  refused(link, answer, batch) {
    const named = NAMED_EVENT.exec(String(answer.message?.field ?? ""));
    const event = named && batch.events[Number(named[1])];
    return event ? this.suspect(link, event.sequence) : this.later(link, "not_understood", said(answer));
  }

  suspect(link, sequence) {
    return { ...link, refusal: sequence };
  }

  /** Later: exponential backoff with full jitter, on top of what the server asked for. */
  later(link, because, text, retryAfterS = 0) {
    const longest = Math.min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** Math.min(link.failures, 30));
    const notBefore = this.now() + 1000 * (retryAfterS + Math.max(0.05, longest * this.jitter()));
    return { ...link, link: "unreachable", because, said: text, failures: link.failures + 1, notBefore };
  }
}

function question({ epoch, acknowledged }) {
  return { epoch, prev_seq: acknowledged, events: [] };
}

/** What an answer of our server says it has, or null when it is none. */
function markOf(message) {
  const { epoch, last_seq } = message ?? {};
  const right = Number.isSafeInteger(epoch) && Number.isSafeInteger(last_seq) && epoch >= 0 && epoch < LAST_EPOCH && last_seq >= 0;
  return right ? { epoch, last_seq } : null;
}

function said({ status, message }) {
  const detail = typeof message?.detail === "string" ? message.detail.slice(0, 300) : "";
  return detail ? `${status}: ${detail}` : String(status);
}

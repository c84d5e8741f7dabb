// A browser on a machine without an agent: holds together what it is enrolled as, what its owner wishes, and what is on its way.
// Only the worker makes one; the popup asks it.
import { ACCOUNT, NotEnrolled, enrol } from "./enrolment.js";
import { ESTIMATOR_VERSION, estimate } from "./estimate.js";
import { decide, mayKeep, nextChange, nothingYet } from "./gate.js";
import { Queue } from "./queue.js";
import { isThisMachine } from "./server.js";
import { tokensRange } from "./uncertainty.js";
import { Uplink } from "./uplink.js";
import { NOTHING_SAID, WEEKS_PATH, confirmed, inForce, question, taken } from "./weeks.js";
import { done } from "./wishes.js";
import { localDay, ownZone } from "./zones.js";

const MOST_BYTES = 2 ** 40; // of one use; the server takes no more
const SHOWN_LEFT = 5;
const SEEN_EVERY_MS = 60_000;
const ENROL_AGAIN_MS = 10 * 60_000;

export class Desk {
  /** `place` is { os, browser, version } of this browser; `post` is server.js's. */
  constructor({ database, post, place, now = Date.now, zone = ownZone }) {
    Object.assign(this, { database, post, place, now, zone });
    this.queue = new Queue(database);
    this.uplink = new Uplink({ database, queue: this.queue, post, versions: { agent: place.version, estimator: ESTIMATOR_VERSION }, now });
    this.known = null;
    this.turn = Promise.resolve();
  }

  async isEnrolled() {
    return (await this.load()).identity !== null;
  }

  /** Whether this moment may be kept; true as well where this browser is not enrolled, and the agent decides. */
  async isObserved() {
    const known = await this.load();
    return known.identity === null || decideNow(known, await this.clock()).state === "observed";
  }

  /** Whether a use may be kept: after it, and before anything of it is written. */
  async mayKeep(use) {
    const known = await this.load();
    return known.identity === null || mayKeep(inAll(known), use, await this.clock());
  }

  /** Makes events of uses that the gate let through, on the disk when it resolves. `lost` found no room before. */
  async take(uses, lost = 0) {
    const day = localDay(this.now());
    await this.queue.add(uses.map(entry), { day, lost });
  }

  /** How it stands, as the popup shows it: in the agent's words, and beside them what only such a browser has. */
  async show() {
    const known = await this.load();
    if (known.identity === null) return null;
    const clock = await this.clock();
    const decision = decideNow(known, clock);
    const until = nextChange(inAll(known), clock);
    const { hosts, left } = await this.queue.shown(localDay(clock.now), SHOWN_LEFT);
    const range = tokensRange(hosts);
    const condition = await this.uplink.condition();
    const counts = await this.queue.counts();
    const { tenant, server, hostname, isManaged } = known.identity;
    return {
      kind: "state",
      state: decision.state,
      until: until === null ? null : Math.floor(until / 1000),
      exchanges: Object.values(hosts).reduce((sum, one) => sum + one.exchanges, 0),
      tokens_low: range.low,
      tokens_high: range.high,
      waiting: counts.waiting,
      left,
      alone: {
        tenant, server, hostname, isManaged, reason: decision.reason, link: condition.link, because: condition.because, said: condition.said,
        missed: counts.dropped + counts.refused, windows: known.wishes.windows, zone: known.wishes.zone,
        added: inForce(known.said), former: known.said.former.map(({ schedule }) => schedule),
      },
    };
  }

  /** What the owner asks for. False: it makes no sense, and nothing was changed. */
  act(message) {
    return this.inTurn(async () => {
      const known = await this.load();
      if (known.identity === null) return false;
      if (message.kind === "confirm-weeks") return this.keep({ ...known, said: confirmed(known.said) }, known);
      const clock = await this.clock();
      const wishes = done(known.wishes, message, clock);
      if (wishes === null) return false;
      return this.keep({ ...known, wishes, seen: message.kind === "confirm-clock" ? clock.now : known.seen }, known);
    });
  }

  /** Enrols this browser; what was used before is nobody's business. Throws NotEnrolled. */
  enrol(terms) {
    return this.inTurn(async () => {
      const known = await this.load();
      const begin = async (stores, identity) => {
        const sameOrganisation = known.identity !== null && known.identity.keyId.slice(0, 36) === identity.keyId.slice(0, 36);
        this.queue.beginAnew(stores, { sameOrganisation, counts: await this.queue.countsIn(stores) });
        if (known.identity === null) stores.kept.put(nothingYet(this.now(), this.zone()), "wishes");
        if (!sameOrganisation) stores.kept.put(NOTHING_SAID, "said");
      };
      await enrol({ database: this.database, post: this.post, begin }, terms, this.place);
      this.known = null;
    });
  }

  /** Enrols a browser of a fleet by what its policy says, once. */
  async enrolAsManaged({ server, code, person }) {
    if (await this.isEnrolled()) return;
    const before = await this.trouble();
    const isTheSame = before?.server === server && before.code === code;
    if (isTheSame && Math.abs(this.now() - before.at) < ENROL_AGAIN_MS) return; // a worker wakes often
    try {
      await this.enrol({ server, code, person, isManaged: true });
    } catch (error) {
      if (!(error instanceof NotEnrolled)) throw error;
      await this.database.change(({ kept }) => kept.put({ name: error.name, said: error.said, server, code, at: this.now() }, "not enrolled"));
    }
  }

  /** Why the fleet's own enrolment did not work, or null. */
  async trouble() {
    return (await this.database.get("not enrolled")) ?? null;
  }

  /** Sends what waits and asks for weeks; in how many seconds to try again, or null. */
  async upload() {
    const known = await this.load();
    if (known.identity === null) return null;
    const maySend = decideNow(known, await this.clock()).state !== "private";
    const again = await this.uplink.run(known.identity, { maySend });
    const { moved } = await this.uplink.condition();
    if (moved) await this.inTurn(() => this.moveTo(moved));
    return again;
  }

  async moveTo(server) {
    const known = await this.load();
    if (known.identity !== null) await this.keep({ ...known, identity: { ...known.identity, server } }, known);
  }

  /** Asks for private time that the server adds. Without a readable answer all stays as it is. */
  async askForWeeks() {
    const { identity, wishes, said } = await this.load();
    if (identity === null) return;
    const text = question({ version: this.place.version, account: ACCOUNT, isUsed: wishes.used, said });
    const answer = await this.post(identity, WEEKS_PATH, text).catch(() => null);
    if (answer?.status !== 200) return;
    await this.inTurn(async () => {
      const known = await this.load();
      const now = taken(known.said, answer.message, ACCOUNT);
      if (now !== known.said) await this.keep({ ...known, said: now }, known);
    });
  }

  /** Whether events go out as they come: nobody stands between this browser and its server. */
  async sendsAtOnce() {
    const { identity } = await this.load();
    return identity !== null && isThisMachine(identity.server);
  }

  async load() {
    this.known ??= {
      identity: (await this.database.get("identity")) ?? null,
      wishes: (await this.database.get("wishes")) ?? nothingYet(this.now(), this.zone()),
      said: (await this.database.get("said")) ?? NOTHING_SAID,
      seen: (await this.database.get("seen")) ?? 0,
    };
    return this.known;
  }

  /** On the disk first: what cannot be kept is not promised. */
  async keep(known, before) {
    await this.database.change(({ kept }) => {
      for (const name of ["identity", "wishes", "said", "seen"]) if (known[name] !== before[name]) kept.put(known[name], name);
    });
    this.known = known;
    return true;
  }

  /** Now, the latest time this browser has shown, and its zone. */
  async clock() {
    const known = await this.load();
    const now = this.now();
    const clock = { now, seen: known.seen, zone: this.zone() };
    if (now > known.seen + SEEN_EVERY_MS) {
      known.seen = now;
      await this.database.change(({ kept }) => kept.put(now, "seen")).catch(() => {}); // a full disk: the next time will do
    }
    return clock;
  }

  inTurn(work) {
    const over = this.turn.then(work);
    this.turn = over.catch(() => {});
    return over;
  }
}

function decideNow(known, clock) {
  return decide(inAll(known), clock);
}

function inAll({ wishes, said }) {
  return { ...wishes, added: inForce(said) };
}

function entry(use) {
  const sized = { ...use, request_bytes: size(use.request_bytes), response_bytes: size(use.response_bytes) };
  const { input, output } = estimate(sized);
  return {
    id: use.id,
    day: localDay(use.started_at * 1000),
    event: {
      provider_host: use.host,
      request_bytes: sized.request_bytes,
      response_bytes: sized.response_bytes,
      estimated_input_tokens: input,
      estimated_output_tokens: output,
      at: `${new Date(Math.floor(use.started_at) * 1000).toISOString().slice(0, 19)}Z`,
      user: ACCOUNT,
    },
  };
}

function size(bytes) {
  return Math.min(bytes ?? 0, MOST_BYTES);
}

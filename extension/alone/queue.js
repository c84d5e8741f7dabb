// The events of this browser on their way to the server, with the agent's rules (src/toktra/agent/spool.py): an event is
// numbered when it is first put into a batch; a number the server may have taken belongs to that event for good; when the
// queue is full the oldest event without a number goes, and is counted; when the two sides disagree, a new epoch begins.
import { settled } from "./database.js";

export const MOST_WAITING = 20_000;
export const BATCH_EVENTS = 500;
export const KEPT_SENT = 200;
const KEPT_SENT_S = 30 * 86_400;

const AT_FIRST = { epoch: 1, acknowledged: 0, numbered: 0, dropped: 0, refused: 0, waiting: 0, doubt: false };

export class Queue {
  constructor(database, mostWaiting = MOST_WAITING) {
    this.database = database;
    this.mostWaiting = mostWaiting;
  }

  /** { epoch, acknowledged, numbered, dropped, refused, waiting, doubt }; `doubt`: a batch is under way, or its answer was lost. */
  async counts() {
    return (await this.database.get("counts")) ?? AT_FIRST;
  }

  /**
   * Adds the events of these uses, which are told once: what was added last is known by its ids when a worker was killed
   * before it could say so. `lost` are uses that found no room before they came here. `day` is today, for today's figures.
   */
  add(entries, { day, lost = 0 }) {
    return this.change(async (counts, { kept, waiting }) => {
      const before = new Set((await settled(kept.get("added"))) ?? []);
      const anew = entries.filter(({ id }) => !before.has(id));
      for (const { event } of anew) waiting.add(event);
      kept.put(entries.map(({ id }) => id), "added");
      kept.put(summed((await settled(kept.get("today"))) ?? {}, anew, day), "today");
      const excess = Math.max(0, counts.waiting + anew.length - this.mostWaiting);
      const numbered = counts.numbered - counts.acknowledged;
      const gone = Math.min(excess, counts.waiting + anew.length - numbered);
      await remove(waiting, numbered, gone);
      return { ...counts, waiting: counts.waiting + anew.length - gone, dropped: counts.dropped + gone + lost };
    });
  }

  /** The oldest events under the numbers they are sent with: { epoch, prev_seq, missed, events }. Asked again, it says the same. */
  async nextBatch(limit = BATCH_EVENTS) {
    let events = [];
    const counts = await this.change(async (counts, { waiting }) => {
      events = await settled(waiting.getAll(null, limit));
      return { ...counts, doubt: true, numbered: Math.max(counts.numbered, counts.acknowledged + events.length) };
    });
    return {
      epoch: counts.epoch,
      prev_seq: counts.acknowledged,
      missed: counts.dropped,
      events: events.map((event, place) => ({ sequence: counts.acknowledged + 1 + place, ...event })),
    };
  }

  /** What the server has of the present epoch, or its word that it has another. False: a new epoch was begun. */
  async settle({ epoch, last_seq }, now) {
    let agreed = true;
    await this.change(async (counts, { waiting, sent }) => {
      if (epoch === counts.epoch && counts.acknowledged <= last_seq && last_seq <= counts.numbered) {
        const delivered = last_seq - counts.acknowledged;
        await keepSent(sent, await settled(waiting.getAll(null, delivered || 1)), delivered, now);
        await remove(waiting, 0, delivered);
        return { ...counts, acknowledged: last_seq, waiting: counts.waiting - delivered, doubt: false };
      }
      if (epoch < counts.epoch && counts.acknowledged === 0) return { ...counts, doubt: false }; // not met yet
      agreed = false;
      return { ...counts, epoch: Math.max(epoch, counts.epoch) + 1, acknowledged: 0, numbered: 0, doubt: true };
    });
    return agreed;
  }

  /** Takes one numbered event out for good; those behind it move up. Only right when the server has none of them. */
  refuse(sequence) {
    return this.change(async (counts, { waiting }) => {
      if (sequence <= counts.acknowledged || sequence > counts.numbered) return counts;
      await remove(waiting, sequence - counts.acknowledged - 1, 1);
      return { ...counts, numbered: counts.numbered - 1, waiting: counts.waiting - 1, refused: counts.refused + 1 };
    });
  }

  /** For a device that was enrolled anew. What was recorded for one organisation is not for another to see. */
  beginAnew(stores, { sameOrganisation, counts }) {
    if (!sameOrganisation) for (const name of ["waiting", "sent"]) stores[name].clear();
    for (const name of sameOrganisation ? [] : ["today", "added"]) stores.kept.delete(name);
    const waiting = sameOrganisation ? counts.waiting : 0;
    stores.kept.put({ ...AT_FIRST, waiting }, "counts");
  }

  /** { hosts, left }: today's figures by host, and what left last, newest first. */
  async shown(day, most) {
    const today = await this.database.get("today");
    const database = await this.database.open();
    const sent = database.transaction("sent").objectStore("sent");
    const left = await new Promise((resolve, reject) => {
      const found = [];
      const asked = sent.openCursor(null, "prev");
      asked.onerror = () => reject(asked.error);
      asked.onsuccess = () => {
        if (asked.result) found.push(asked.result.value);
        if (asked.result && found.length < most) asked.result.continue();
        else resolve(found);
      };
    });
    return { hosts: today?.day === day ? today.hosts : {}, left };
  }

  async countsIn({ kept }) {
    return (await settled(kept.get("counts"))) ?? AT_FIRST;
  }

  change(work) {
    return this.database.change(async (stores) => {
      const counts = await work(await this.countsIn(stores), stores);
      stores.kept.put(counts, "counts");
      return counts;
    });
  }
}

/** Removes a stretch of the queue, counted from its oldest event. */
async function remove(store, offset, number) {
  if (number <= 0) return;
  const keys = await settled(store.getAllKeys(null, offset + number));
  store.delete(IDBKeyRange.bound(keys[offset], keys[offset + number - 1]));
}

async function keepSent(sent, events, delivered, now) {
  for (const event of events.slice(0, delivered)) sent.add({ at: Math.floor(now / 1000), host: event.provider_host });
  const kept = await settled(sent.getAll());
  const tooOld = kept.findLastIndex(({ at }) => at < now / 1000 - KEPT_SENT_S) + 1;
  await remove(sent, 0, Math.max(tooOld, kept.length - KEPT_SENT));
}

function summed(today, entries, day) {
  const hosts = today.day === day ? today.hosts : {};
  for (const { event } of entries.filter((one) => one.day === day)) {
    const sum = (hosts[event.provider_host] ??= { exchanges: 0, input: 0, output: 0 });
    sum.exchanges += 1;
    sum.input += event.estimated_input_tokens;
    sum.output += event.estimated_output_tokens;
  }
  return { day, hosts };
}

// Private time that a server adds: the works agreement's, and the owner's week in the portal. It is asked for as the agent asks
// (src/toktra/wire/portal.py), in a message of a fixed size. What is new holds at once; what is gone since stays until the owner
// confirms it here, so nobody else takes private time away.
import { readSchedule } from "./windows.js";

export const WEEKS_PATH = "/ingest/v1/weeks";
const QUESTION_BYTES = 4096;
const MOST_FORMER = 16;

export const NOTHING_SAID = { agreement: { version: 0, schedule: null }, week: { version: 0, schedule: null }, former: [] };

/** The question's text; `standing` is how the owner's week stands here. */
export function question({ version, account, isUsed, said }) {
  const standing = said.former.some(({ of }) => of === "week") ? "waits" : "applied";
  const standings = said.week.version > 0 ? [{ account, version: said.week.version, standing }] : [];
  const message = { agent_version: version, in_use: isUsed, turn: 0, standings, filling: "" };
  const missing = QUESTION_BYTES - new TextEncoder().encode(JSON.stringify(message)).length;
  return JSON.stringify({ ...message, filling: ".".repeat(missing) });
}

/** What is said now, after an answer; the same when the answer is none, is old, or there is no room. */
export function taken(said, answer, account) {
  if (answer === null || typeof answer !== "object") return said;
  const own = Array.isArray(answer.weeks) ? answer.weeks.find((one) => one?.account === account) : undefined;
  const withAgreement = replaced(said, "agreement", answer.agreement_version, answer.agreement ?? null);
  return own ? replaced(withAgreement, "week", own.version, own.schedule) : withAgreement;
}

/** The schedules that hold beside the owner's own. */
export function inForce({ agreement, week, former }) {
  return [agreement, week, ...former].map(({ schedule }) => schedule).filter((one) => one !== null);
}

/** The owner agrees, here, to what waits. */
export function confirmed(said) {
  return { ...said, former: [] };
}

function replaced(said, of, version, value) {
  const schedule = value === null ? null : readSchedule(value);
  if (!Number.isSafeInteger(version) || version <= said[of].version || (value !== null && schedule === null)) return said;
  const before = said[of].schedule;
  const there = new Set((schedule?.windows ?? []).map((one) => JSON.stringify(one)));
  const gone = before?.windows.filter((one) => before.zone !== schedule?.zone || !there.has(JSON.stringify(one))) ?? [];
  const former = gone.length > 0 ? [...said.former, { of, schedule: { ...before, windows: gone } }] : said.former;
  if (former.length > MOST_FORMER) return said; // nothing can be taken away, so what is there stays
  return { ...said, [of]: { version, schedule }, former };
}

// May this use be kept? Pure: wishes and clock come in. Nobody but the person at this browser takes private time away; what a
// server says can only add to it. In doubt, private.
//
// Wishes: { since, zone, windows, pause, lifted, personal, added }, times in milliseconds since 1970:
//   since     what began earlier is not kept: the owner changed something then, or it was before this browser was enrolled
//   pause     { until }, null: until the owner resumes; or null
//   lifted    [{ window, until }]: windows the owner ended, this once
//   personal  { until }, as a pause; or null
//   added     schedules from a works agreement and from the owner's week in the portal
import { covers, same } from "./windows.js";

export const MINUTE_MS = 60_000;
const CLOCKS_APART_MS = 1_000;
const SET_BACK_MS = 5_000;
const LOOK_AHEAD_MINUTES = 8 * 24 * 60;
const LONGEST_LOOKED_AT_MINUTES = 3 * 24 * 60;

export function nothingYet(now, zone) {
  return { since: now, zone, windows: [], pause: null, lifted: [], personal: null, added: [], used: false };
}

/** Whether anything was wished that depends on the clock; without, all time is observed whatever it shows. */
export function isPlanned({ windows, added, pause, personal }) {
  return windows.length > 0 || added.some((one) => one.windows.length > 0) || Boolean(pause?.until || personal?.until);
}

/** The clock shows less than it has shown already, and no longer what time it is. */
export function isClockDoubted(wishes, now, seen) {
  return isPlanned(wishes) && now < seen - SET_BACK_MS;
}

/** { state: observed, private or personal, reason } at an instant; `zone` is the one the browser is in. `added`: by others alone. */
export function decide(wishes, { now, seen, zone }) {
  if (isClockDoubted(wishes, now, seen)) return { state: "private", reason: "clock" };
  const state = stateAt(wishes, now, zone);
  if (state !== "private") return { state, reason: null };
  if (runs(wishes.pause, now)) return { state, reason: "pause" };
  return { state, reason: isCovered({ ...wishes, added: [] }, now, zone) ? "window" : "added" };
}

/** Whether a use, from its first moment to its last, may be kept for the organisation. */
export function mayKeep(wishes, { host, started_at, ended_at }, { now, seen, zone }) {
  const [start, end] = [started_at * 1000, ended_at * 1000];
  if (typeof host !== "string" || !(start <= end && end <= now + CLOCKS_APART_MS)) return false;
  if (start <= wishes.since || isClockDoubted(wishes, now, seen)) return false;
  if (runs(wishes.pause, start) || runs(wishes.personal, start)) return false;
  if (end - start > LONGEST_LOOKED_AT_MINUTES * MINUTE_MS) return !isPlanned(wishes);
  for (let at = start; at < end; at += MINUTE_MS) if (isCovered(wishes, at, zone)) return false;
  return !isCovered(wishes, end, zone);
}

function stateAt(wishes, at, zone) {
  if (runs(wishes.pause, at) || isCovered(wishes, at, zone)) return "private";
  return runs(wishes.personal, at) ? "personal" : "observed";
}

/** A pause or personal mode has no beginning: what began before it was said is not kept either. */
function runs(span, at) {
  return span !== null && (span.until === null || at < span.until);
}

/** By the owner's windows or added ones, read in the zone they were written in and in the one the browser is in. */
function isCovered({ zone: written, windows, lifted, added }, at, zone) {
  const holds = (window) => !lifted.some((one) => at < one.until && same(one.window, window));
  const plans = [{ zone: written, windows: windows.filter(holds) }, ...added];
  try {
    return plans.some((plan) => [plan.zone, zone].some((one) => plan.windows.some((window) => covers(window, one, at))));
  } catch {
    return true; // a zone that this browser does not know any more
  }
}

/** When the decision changes by itself, as far as can be told; null: nothing is in sight. */
export function nextChange(wishes, { now, seen, zone }) {
  if (isClockDoubted(wishes, now, seen) || wishes.pause?.until === null || !isPlanned(wishes)) return null;
  const state = stateAt(wishes, now, zone);
  let at = now - (now % MINUTE_MS);
  const edges = [wishes.pause?.until, wishes.personal?.until].filter((edge) => edge > now);
  for (let minutes = 0; minutes < LOOK_AHEAD_MINUTES; minutes++) {
    const next = at + MINUTE_MS;
    const changed = [...edges.filter((edge) => edge <= next), next].sort((a, b) => a - b).find((edge) => stateAt(wishes, edge, zone) !== state);
    if (changed) return changed;
    at = next;
  }
  return null;
}

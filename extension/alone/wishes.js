// What the owner of this browser does about private time and personal mode, each as new wishes. Every act begins a new time:
// a request that was under way then is not kept, whichever way it was changed.
import { MINUTE_MS } from "./gate.js";
import { MOST_WINDOWS, covers, readWindow, same } from "./windows.js";

export const MOST_PAUSE_MINUTES = 31 * 24 * 60;
const DAY_MINUTES = 1440;

/** New wishes, or null when the act makes no sense. `clock` is { now, seen, zone }. */
export function done(wishes, act, clock) {
  const changed = { ...wishes, since: Math.max(wishes.since, clock.now), used: true };
  switch (act.kind) {
    case "pause": return isMinutes(act.minutes) ? { ...changed, pause: longer(wishes.pause, act.minutes, clock) } : null;
    case "resume": return { ...changed, pause: null, lifted: [...wishes.lifted.filter(({ until }) => until > clock.now), ...lifted(wishes, clock)] };
    case "add-window": return added(changed, act.window, clock);
    case "remove-window": return { ...changed, windows: wishes.windows.filter((window) => !same(window, act.window)) };
    case "personal": return isMinutes(act.minutes) ? { ...changed, personal: act.on ? span(act.minutes, clock) : null } : null;
    case "confirm-clock": return { ...changed, since: clock.now };
    default: return null;
  }
}

function isMinutes(minutes) {
  return minutes === undefined || minutes === null || (Number.isInteger(minutes) && minutes >= 1 && minutes <= MOST_PAUSE_MINUTES);
}

/** While the clock is in doubt it has no end. */
function span(minutes, { now, seen }) {
  return { until: minutes && now >= seen ? now + minutes * MINUTE_MS : null };
}

/** A pause that is longer already stays. */
function longer(pause, minutes, clock) {
  const asked = span(minutes, clock);
  if (pause === null || asked.until === null) return asked;
  return pause.until === null || pause.until > asked.until ? pause : asked;
}

/** The owner's windows that cover now, each until it ends. A window that begins later counts in full. */
function lifted({ zone: written, windows }, { now, zone }) {
  const holds = (window, at) => covers(window, written, at) || covers(window, zone, at);
  return windows.filter((window) => holds(window, now)).map((window) => {
    let minutes = 1;
    while (minutes < 2 * DAY_MINUTES && holds(window, now + minutes * MINUTE_MS)) minutes++;
    const until = now + minutes * MINUTE_MS;
    return { window, until: until - (until % MINUTE_MS) };
  });
}

function added(wishes, window, { zone }) {
  const read = readWindow(window);
  if (read === null || wishes.windows.length >= MOST_WINDOWS) return null;
  const written = wishes.windows.length > 0 ? wishes.zone : zone;
  const lifted = wishes.lifted.filter((one) => !same(one.window, read));
  return { ...wishes, zone: written, lifted, windows: wishes.windows.some((one) => same(one, read)) ? wishes.windows : [...wishes.windows, read] };
}

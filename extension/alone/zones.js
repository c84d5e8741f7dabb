// What a clock on the wall shows in a zone. Where it is changed, or will be within hours, it is read by the clock before and by
// the one after: an instant counts as every time that either shows.

const DOUBT_MS = 3 * 3_600_000;
const STEADY_MS = 900_000; // zones change their clocks on quarters of an hour
const MOST_KNOWN = 20_000;
const known = new Map();
const formats = new Map();
let lastMinute = {}; // many windows ask about the same one

/** The zone the browser is in. */
export function ownZone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Whether this browser knows a zone. */
export function isZone(name) {
  try {
    return typeof name === "string" && Boolean(format(name));
  } catch {
    return false;
  }
}

/** Every reading of the wall clock at an instant: { day: 0 (Monday) to 6, minute, date }, one nearly always. Throws RangeError. */
export function readings(zone, at) {
  const minute = `${zone} ${Math.floor(at / 60_000)}`;
  if (minute !== lastMinute.name) lastMinute = { name: minute, readings: read(zone, at) };
  return lastMinute.readings;
}

function read(zone, at) {
  const offsets = new Set([at - DOUBT_MS, at, at + DOUBT_MS].map((moment) => offset(zone, moment)));
  return [...offsets].map((ahead) => {
    const wall = new Date(at + ahead);
    return {
      day: (wall.getUTCDay() + 6) % 7,
      minute: wall.getUTCHours() * 60 + wall.getUTCMinutes(),
      date: wall.toISOString().slice(0, 10),
      yesterday: new Date(at + ahead - 86_400_000).toISOString().slice(0, 10),
    };
  });
}

/** The date in the browser's own zone. */
export function localDay(at) {
  return new Date(at + offset(ownZone(), at)).toISOString().slice(0, 10);
}

function offset(zone, at) {
  const bucket = Math.floor(at / STEADY_MS);
  const key = `${zone} ${bucket}`;
  if (!known.has(key)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, offsetAt(zone, bucket * STEADY_MS));
  }
  return known.get(key);
}

function offsetAt(zone, at) {
  const part = Object.fromEntries(format(zone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - at;
}

function format(zone) {
  if (!formats.has(zone)) {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
    formats.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...numeric }));
  }
  return formats.get(zone);
}

// Windows of private time, in the form they cross boundaries in (src/toktra/wire/schedule.py): weekly or once, in minutes of
// the clock on the wall; an end below the start lies on the next day.
import { isZone, readings } from "./zones.js";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const MOST_WINDOWS = 1000;

/** Whether a window covers an instant by any reading of the clock in a zone. */
export function covers(window, zone, at) {
  return readings(zone, at).some(({ day, minute, date, yesterday }) => {
    const begins = (on) => (window.every === "once" ? window.on === (on === day ? date : yesterday) : window.days.includes(DAYS[on]));
    const { start_minute: start, end_minute: end } = window;
    if (start < end) return begins(day) && minute >= start && minute < end;
    return (begins(day) && minute >= start) || (begins((day + 6) % 7) && minute < end);
  });
}

/** A schedule of these parts and no others, or null when it is none. */
export function readSchedule(value) {
  if (value === null || typeof value !== "object" || !isZone(value.zone) || !Array.isArray(value.windows)) return null;
  const windows = value.windows.map(readWindow);
  return windows.length > MOST_WINDOWS || windows.includes(null) ? null : { zone: value.zone, windows };
}

/** A window of these parts and no others, or null when it is none, or covers nothing. */
export function readWindow(value) {
  const { every, days, on, start_minute, end_minute } = value ?? {};
  const minutes = Number.isInteger(start_minute) && Number.isInteger(end_minute) && start_minute !== end_minute
    && start_minute >= 0 && start_minute < 1440 && end_minute > 0 && end_minute <= 1440;
  if (!minutes) return null;
  if (every === "once") return /^\d{4}-\d\d-\d\d$/.test(on) ? { every, on, start_minute, end_minute } : null;
  if (every !== "week" || !Array.isArray(days) || days.length === 0 || !days.every((day) => DAYS.includes(day))) return null;
  return { every, days: DAYS.filter((day) => days.includes(day)), start_minute, end_minute };
}

/** Whether two windows are the same. */
export function same(one, other) {
  return JSON.stringify(readWindow(one)) === JSON.stringify(readWindow(other));
}

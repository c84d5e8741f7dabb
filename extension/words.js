// The popup's words: texts of both languages, times of day, and windows of private time as people write them.

export const text = (name, ...values) => chrome.i18n.getMessage(name, values.map(String));

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const dayAndClock = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit", hour12: false });
const weekday = new Intl.DateTimeFormat(chrome.i18n.getUILanguage(), { weekday: "short", timeZone: "UTC" });
const MONDAY_MS = Date.UTC(2024, 0, 1);
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MS = 86_400_000;

/** A time of day, with the day of the week where it is not today's. */
export function moment(seconds) {
  const at = new Date(1000 * seconds);
  return (at.toDateString() === new Date().toDateString() ? clock : dayAndClock).format(at);
}

export function dayName(day) {
  return weekday.format(MONDAY_MS + DAYS.indexOf(day) * DAY_MS);
}

/** For example "Mon, Tue 12:00–13:00". */
export function windowWords({ every, days, on, start_minute, end_minute }) {
  const which = every === "once" ? on : days.map(dayName).join(", ");
  return `${which} ${time(start_minute)}–${time(end_minute)}`;
}

function time(minute) {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** Minutes after midnight of a time as it is typed, "9:30" or "24:00"; null for anything else. */
export function minutes(typed) {
  const found = /^\s*(\d{1,2})[:.](\d\d)\s*$/.exec(typed);
  const total = found ? 60 * Number(found[1]) + Number(found[2]) : NaN;
  return found && Number(found[2]) < 60 && total <= 1440 ? total : null;
}

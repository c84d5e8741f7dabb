/* How figures are written: grouped by thousands with no-break spaces, times of the reader's own zone. Pure. */
import { LOCALE } from "./words.js";

const NBSP = "\u00a0";

export const count = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, NBSP);

const oneDecimal = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const scaled = (number, units, whole) => {
  for (const [least, unit] of units) {
    if (number >= least) {
      const value = number / least;
      return `${value < 10 ? oneDecimal.format(value) : count(value)}${NBSP}${unit}`;
    }
  }
  return whole;
};

export const tokens = (number) => scaled(number, [[1e9, "G"], [1e6, "M"], [1e3, "k"]], count(number));
export const size = (bytes) => scaled(bytes, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]], `${bytes}${NBSP}B`);

export const day = (date) => date.toLocaleDateString(LOCALE, { weekday: "short", day: "numeric", month: "short" }).replace(",", "");
export const clock = (date) => date.toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit" });
export const month = (date) => date.toLocaleDateString(LOCALE, { month: "long", year: "numeric", timeZone: "UTC" });
export const allTokens = (use) => use.estimated_input_tokens + use.estimated_output_tokens;

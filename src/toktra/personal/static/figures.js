/* How figures are written: grouped by thousands with no-break spaces, times of the reader's own zone. Pure. */
const NBSP = "\u00a0";

export const count = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, NBSP);

const scaled = (number, units, whole) => {
  for (const [least, unit] of units) {
    if (number >= least) {
      const value = number / least;
      return `${value < 10 ? value.toFixed(1) : count(value)}${NBSP}${unit}`;
    }
  }
  return whole;
};

export const tokens = (number) => scaled(number, [[1e9, "G"], [1e6, "M"], [1e3, "k"]], count(number));
export const size = (bytes) => scaled(bytes, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]], `${bytes}${NBSP}B`);

export const day = (date) => date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" }).replace(",", "");
export const clock = (date) => date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
export const month = (date) => date.toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
export const allTokens = (use) => use.estimated_input_tokens + use.estimated_output_tokens;

/* What is shown of the uses: months are UTC months, as those of the allowance are. Pure. */
import { allTokens } from "./figures.js";

export const KEPT_DAYS = 90;

export const totalOf = (uses) => uses.reduce((sum, use) => sum + allTokens(use), 0);
export const ofMonth = (uses, month) => uses.filter((use) => use.at.startsWith(month));

/** Tokens of each of the last `days` UTC days, the oldest first. */
export function byDay(uses, days, today) {
  const sums = new Map();
  for (let back = days - 1; back >= 0; back -= 1) {
    sums.set(new Date(today.getTime() - back * 86_400_000).toISOString().slice(0, 10), 0);
  }
  for (const use of uses) {
    const day = use.at.slice(0, 10);
    if (sums.has(day)) sums.set(day, sums.get(day) + allTokens(use));
  }
  return [...sums];
}

/** [host, tokens, uses], the most first. */
export function byProvider(uses) {
  const sums = new Map();
  for (const use of uses) {
    const [tokens, times] = sums.get(use.provider_host) ?? [0, 0];
    sums.set(use.provider_host, [tokens + allTokens(use), times + 1]);
  }
  return [...sums].map(([host, [tokens, times]]) => [host, tokens, times]).sort((one, other) => other[1] - one[1]);
}

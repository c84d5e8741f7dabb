// How sure a total of many estimates is, as the agent says it (src/toktra/catalogue/uncertainty.py): what all exchanges of a host
// have in common does not cancel, what each has of its own does; hosts, and input and output, err independently.
import { familyOf } from "./estimate.js";

const SHORT_MEAN_TOKENS = 200;
const LONG_MEAN_TOKENS = 1000;

/** { low, high } of input and output tokens together. `hosts`: { exchanges, input, output } by host, each host once. */
export function tokensRange(hosts) {
  let total = 0;
  let below = 0;
  let above = 0;
  for (const [host, { exchanges, input, output }] of Object.entries(hosts)) {
    const reaches = reachesOf(host, exchanges, input);
    for (const [tokens, reach] of [[input, reaches.input], [output, reaches.output]]) {
      total += tokens;
      below = Math.hypot(below, -tokens * Math.expm1(-reach));
      above = Math.hypot(above, tokens * Math.expm1(reach));
    }
  }
  return { low: Math.max(0, Math.trunc(total - below)), high: Math.ceil(total + above) };
}

function reachesOf(host, exchanges, input) {
  const { short, long } = familyOf(host).totals;
  const mean = Math.max(1, input / Math.max(1, exchanges));
  const longer = Math.min(1, Math.max(0, Math.log(mean / SHORT_MEAN_TOKENS) / Math.log(LONG_MEAN_TOKENS / SHORT_MEAN_TOKENS)));
  const [inputShared, inputOwn, outputShared, outputOwn] = short.map((reach, place) => (1 - longer) * reach + longer * long[place]);
  const own = 1 / Math.sqrt(Math.max(1, exchanges));
  return { input: Math.hypot(inputShared, inputOwn * own), output: Math.hypot(outputShared, outputOwn * own) };
}

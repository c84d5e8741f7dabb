// How many tokens a request and its answer carried, by the agent's own tables and arithmetic (src/toktra/catalogue/estimate.py);
// a test holds the two against each other. Sizes the browser did not tell are 0: then it is a lower bound, and nothing is made up.
import coefficients from "./coefficients.js";

const SEGMENT_BYTES = 1448;
const STREAM_SEGMENT_BYTES = 250; // what a piece of a streamed answer carries about
const BODY_SCALE_BYTES = 300;
const LONG_BODY = 12;
const SHORT_FROM = Math.asinh(1500 / BODY_SCALE_BYTES);
const SHORT_TO_LONG = Math.asinh(6000 / BODY_SCALE_BYTES) - SHORT_FROM;
const ABSURD_COUNT = 2 ** 40; // what the server takes at most, and the estimator too

export const ESTIMATOR_VERSION = coefficients.version;

const byHost = new Map();
const bySuffix = new Map();
for (const family of Object.values(coefficients.families)) {
  for (const host of family.hosts) byHost.set(host, family);
  for (const suffix of family.suffixes) bySuffix.set(suffix, family);
}

/** The tables of a host: its own, else those of the longest suffix, else the pooled ones. */
export function familyOf(host) {
  if (byHost.has(host)) return byHost.get(host);
  for (let rest = host; rest !== ""; rest = rest.includes(".") ? rest.slice(rest.indexOf(".") + 1) : "") {
    if (bySuffix.has(rest)) return bySuffix.get(rest);
  }
  return coefficients.families.pooled;
}

/** Estimated tokens of one use; input is at least 1, which is how a use is counted. */
export function estimate({ host, request_bytes, response_bytes, streamed }) {
  const family = familyOf(host);
  const sent = Math.min(request_bytes ?? 0, ABSURD_COUNT);
  const received = Math.min(response_bytes ?? 0, ABSURD_COUNT);
  let input = 0;
  let body = LONG_BODY;
  if (sent > 0) {
    body = Math.asinh((sent - headerBytes(family, sent)) / BODY_SCALE_BYTES);
    input = wholeNumber(along(family.input, body, 1));
  }
  return { input: Math.max(1, input), output: received > 0 ? answer(family, received, pieces(received, streamed), body) : 0 };
}

function headerBytes(family, sent) {
  if (family.plain_header_bytes !== null) return family.plain_header_bytes;
  return sent % SEGMENT_BYTES < coefficients.fill_bytes ? coefficients.header_low : coefficients.header_high;
}

function pieces(bytes, streamed) {
  return Math.max(1, Math.ceil(bytes / (streamed ? STREAM_SEGMENT_BYTES : SEGMENT_BYTES)));
}

function answer(family, size, segments, request) {
  const streamed = segments >= family.streamed_segments && size < family.streamed_bytes_per_segment * segments;
  return wholeNumber(streamed ? streamedAnswer(family.streamed, size, segments, request) : wholeAnswer(family.whole, size, request));
}

function streamedAnswer(table, size, segments, request) {
  const body = Math.max(size - table.overhead_bytes, size / 16);
  const count = Math.max(1, segments - table.overhead_segments);
  const density = Math.log(body / count);
  const counted = Math.log(count);
  return bySituation(table, density, request, 0) + (counted + along(table.size, counted, 0) + onGrid(table.grid, density, counted));
}

function wholeAnswer(table, size, request) {
  return bySituation(table, Math.asinh((size - table.overhead_bytes) / BODY_SCALE_BYTES), request, 1);
}

/** Requests, by their size, tell short talk from long. */
function bySituation(table, x, request, slopeBeyond) {
  const long = Math.min(1, Math.max(0, (request - SHORT_FROM) / SHORT_TO_LONG));
  const [short, longer] = [table.short, table.long].map((values) => along({ at: table.at, values }, x, slopeBeyond));
  return (1 - long) * short + long * longer + along(table.context, request, 0);
}

/** Straight between the knots, level before the first; beyond the last it rises with `slopeBeyond`. */
function along({ at, values }, x, slopeBeyond) {
  const last = at.length - 1;
  if (x >= at[last]) return values[last] + slopeBeyond * (x - at[last]);
  if (x < at[0]) return values[0];
  const place = at.findLastIndex((knot) => knot <= x);
  const rise = (values[place + 1] - values[place]) / (at[place + 1] - at[place]);
  return values[place] + rise * (x - at[place]);
}

function onGrid({ down, across, values }, x, y) {
  const [row, below] = placeOn(down, x);
  const [column, beside] = placeOn(across, y);
  const mixed = (line) => (1 - beside) * line[column] + beside * line[column + 1];
  return (1 - below) * mixed(values[row]) + below * mixed(values[row + 1]);
}

function placeOn(at, x) {
  if (x <= at[0]) return [0, 0];
  if (x >= at.at(-1)) return [at.length - 2, 1];
  const place = at.findLastIndex((knot) => knot <= x);
  return [place, (x - at[place]) / (at[place + 1] - at[place])];
}

function wholeNumber(logarithm) {
  return Math.max(1, Math.round(Math.exp(logarithm)));
}

// Numbers as the pages write them: grouped by thousands, and a range whose ends share one step, the largest of 1, 2, 5 × 10ⁿ
// that is at most a tenth of its width. The low end rounds down and the high end up, so the range shown holds the real one.
const NBSP = "\u00a0";

export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, NBSP);
}

export function range(low, high) {
  const width = high - low;
  let step = 1;
  for (let power = 1; power * 10 <= width; power *= 10) {
    for (const one of [power, 2 * power, 5 * power]) if (one * 10 <= width) step = one;
  }
  const ends = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  return ends[0] === ends[1] ? count(ends[0]) : ends.map(count).join(`${NBSP}–${NBSP}`);
}

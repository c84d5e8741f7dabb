/* Fills the open page. Every word from a record goes in as text, never as markup. */
import { allTokens, clock, count, day, month, size, tokens } from "./figures.js";
import { _ } from "./words.js";
import { KEPT_DAYS, byDay, byProvider, ofMonth, totalOf } from "./sums.js";

export const ROWS = 50;
const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

const element = (name, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};
const drawn = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

export function showTotals(uses, allowance, now) {
  const running = now.toISOString().slice(0, 7);
  const before = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1));
  const used = totalOf(ofMonth(uses, running));
  $("used").textContent = tokens(used);
  $("used-before").textContent = `${month(before)}: ${tokens(totalOf(ofMonth(uses, before.toISOString().slice(0, 7))))}`;
  $("records").textContent = count(uses.length);
  $("month").textContent = month(now);
  const share = allowance ? Math.min(1, used / allowance) : 0;
  $("left").textContent = allowance ? tokens(Math.max(0, allowance - used)) : "–";
  $("left-of").textContent = allowance ? _("of {tokens}", { tokens: tokens(allowance) }) : "";
  $("left-bar").setAttribute("width", `${share * 100}%`);
  $("left-note").textContent = !allowance ? _("Say below what your allowance is.")
    : used > allowance ? _("More than the allowance. Nothing is blocked.") : _("Allowances guide; they never block.");
}

export function showDays(uses, now) {
  const days = byDay(uses, KEPT_DAYS, now);
  const most = Math.max(1, ...days.map(([, sum]) => sum));
  const width = 100 / days.length;
  $("days").replaceChildren(drawn("line", { class: "g-zero", x1: 0, x2: "100%", y1: "100%", y2: "100%" }), ...days.map(([, sum], place) =>
    drawn("rect", { class: "f1", x: `${place * width}%`, width: `${width * 0.8}%`, y: `${100 - (sum / most) * 100}%`, height: `${(sum / most) * 100}%` })));
  const used = days.filter(([, sum]) => sum > 0);
  $("days").setAttribute("aria-label", _("Tokens on each of the last {days} days: used on {used} of them, at most {most} on one.", { days: KEPT_DAYS, used: used.length, most: tokens(most) }));
  $("days-first").textContent = day(new Date(days[0][0]));
  $("days-most").textContent = _("At most {most} tokens on a day", { most: tokens(most) });
  $("days-table").replaceChildren(...used.reverse().map(([date, sum]) =>
    element("tr", {}, element("th", { scope: "row", textContent: day(new Date(date)) }), element("td", { className: "num", textContent: tokens(sum) }))));
}

export function showProviders(uses) {
  const providers = byProvider(uses);
  const most = Math.max(1, ...providers.map(([, sum]) => sum));
  $("providers").replaceChildren(...providers.map(([host, sum, times]) => {
    const bar = drawn("svg", { class: "bar__g", "aria-hidden": "true", focusable: "false" });
    bar.append(drawn("rect", { class: "f1", x: 0, y: 2, height: 6, width: `${(sum / most) * 100}%` }));
    return element("li", { className: "bar" }, element("span", { className: "bar__name mono", textContent: host }),
      element("span", { className: "bar__val", textContent: `≈ ${tokens(sum)}` }), bar,
      element("span", { className: "bar__note", textContent: times === 1 ? _("1 record") : _("{number} records", { number: count(times) }) }));
  }));
}

/** One page of the table; pages count from 0. */
export function showRows(uses, page) {
  const first = page * ROWS;
  $("rows").replaceChildren(...uses.slice(first, first + ROWS).map((use) => {
    const at = new Date(use.at);
    const erased = new Date(Date.parse(use.day) + KEPT_DAYS * 86_400_000);
    const cells = [[_("Provider host"), use.provider_host, "mono"], [_("Sent"), size(use.request_bytes), "num"],
      [_("Received"), size(use.response_bytes), "num"], [_("Tokens"), tokens(allTokens(use)), "num"], [_("Erased on"), day(erased), "nowrap"]];
    const row = element("tr", {}, element("th", { scope: "row", className: "nowrap", textContent: `${day(at)}, ${clock(at)}` }));
    for (const [label, words, className] of cells) {
      const cell = element("td", { className, textContent: words });
      cell.dataset.label = label;
      row.append(cell);
    }
    return row;
  }));
  $("rows-shown").textContent = uses.length ? _("{first}–{last} of {all} records", { first: count(first + 1), last: count(Math.min(uses.length, first + ROWS)), all: count(uses.length) }) : _("No records yet.");
  $("newer").disabled = page === 0;
  $("older").disabled = first + ROWS >= uses.length;
}

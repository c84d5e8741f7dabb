// The popup: how it stands, pauses, today's figures and what left last. All of it is asked of the agent on this machine.
import { askAgent } from "./agent.js";
import { count, range } from "./figures.js";

const text = (name, ...values) => chrome.i18n.getMessage(name, values.map(String));
const at = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

document.documentElement.lang = chrome.i18n.getUILanguage();
for (const [id, name] of [
  ["half-hour", "half_hour"], ["hour", "one_hour"], ["until-resume", "until_resume"], ["resume", "end_now"],
  ["today", "today"], ["tokens-name", "tokens"], ["exchanges-name", "exchanges"], ["left-name", "left"], ["sees", "sees"],
]) {
  at(id).textContent = text(name);
}
at("half-hour").setAttribute("aria-label", text("pause_half_hour"));
at("hour").setAttribute("aria-label", text("pause_hour"));
at("until-resume").setAttribute("aria-label", text("pause_until_resume"));
at("half-hour").addEventListener("click", () => tell({ kind: "pause", minutes: 30 }));
at("hour").addEventListener("click", () => tell({ kind: "pause", minutes: 60 }));
at("until-resume").addEventListener("click", () => tell({ kind: "pause" }));
at("resume").addEventListener("click", () => tell({ kind: "resume" }));

async function tell(message) {
  show(await askAgent(message));
  const next = at("resumes").hidden ? at("half-hour") : at("resume");
  if (document.activeElement === document.body) next.focus(); // what was pressed is gone
}

function show(answer) {
  const known = answer.kind === "state";
  const state = known ? answer.state : "offline";
  at("now").dataset.state = state;
  at("headline").textContent = headline(state, answer.until);
  at("sentence").textContent = answer.kind === "refused" ? answer.because : text(`${state}_sentence`);
  at("pauses").hidden = state !== "observed";
  at("resumes").hidden = state !== "private";
  at("figures").hidden = !known;
  if (!known) return;
  at("tokens").textContent = range(answer.tokens_low, answer.tokens_high);
  at("exchanges").textContent = count(answer.exchanges);
  at("waiting").textContent = answer.waiting > 0 ? text("waiting", count(answer.waiting)) : "";
  at("left").replaceChildren(...answer.left.map(({ at: when, host }) => {
    const line = document.createElement("li");
    line.textContent = `${clock.format(when * 1000)} ${host}`;
    return line;
  }));
}

function headline(state, until) {
  if (state === "private" && until) return text("private_until", clock.format(until * 1000));
  return text(state);
}

show(await askAgent({ kind: "show" }));

// The popup: how it stands, pauses, personal mode, today's figures and what left last. All of it is asked of the worker, which
// asks the agent on this machine, or answers for this browser where there is none.
import { showAlone } from "./popup_alone.js";
import { count, range } from "./figures.js";
import { moment, text } from "./words.js";

const at = (id) => document.getElementById(id);

document.documentElement.lang = chrome.i18n.getUILanguage();
for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
for (const [id, name] of [
  ["half-hour", "half_hour"], ["hour", "one_hour"], ["until-resume", "until_resume"], ["resume", "end_now"],
  ["today", "today"], ["tokens-name", "tokens"], ["exchanges-name", "exchanges"], ["left-name", "left"], ["sees", "sees"],
  ["personal-hour", "personal_hour"], ["personal-on", "personal_on"], ["personal-off", "personal_off"],
  ["confirm-clock", "clock_is_right"], ["confirm-weeks", "confirm_weeks"],
]) {
  at(id).textContent = text(name);
}
at("half-hour").setAttribute("aria-label", text("pause_half_hour"));
at("hour").setAttribute("aria-label", text("pause_hour"));
at("until-resume").setAttribute("aria-label", text("pause_until_resume"));
for (const [id, message] of [
  ["half-hour", { kind: "pause", minutes: 30 }], ["hour", { kind: "pause", minutes: 60 }], ["until-resume", { kind: "pause" }],
  ["resume", { kind: "resume" }], ["confirm-clock", { kind: "confirm-clock" }], ["confirm-weeks", { kind: "confirm-weeks" }],
  ["personal-hour", { kind: "personal", on: true, minutes: 60 }], ["personal-on", { kind: "personal", on: true }],
  ["personal-off", { kind: "personal", on: false }],
]) {
  at(id).addEventListener("click", () => tell(message));
}

async function tell(message) {
  const answer = await ask(message);
  show(answer);
  const next = at("resumes").hidden ? at("half-hour") : at("resume");
  if (document.activeElement === document.body || document.activeElement.closest("[hidden]")) next.focus(); // what was pressed is gone
  return answer;
}

async function ask(message) {
  try {
    return (await chrome.runtime.sendMessage(message)) ?? { kind: "absent" };
  } catch (error) {
    return { kind: "absent", because: String(error?.message ?? error) };
  }
}

function show(answer) {
  if (answer.name) return; // a refusal that its own form tells
  const known = answer.kind === "state";
  const state = known ? answer.state : "offline";
  at("now").dataset.state = state;
  at("headline").textContent = headline(state, answer.until);
  at("sentence").textContent = answer.kind === "refused" ? answer.because : sentence(state, answer);
  at("pauses").hidden = state !== "observed" && state !== "personal";
  at("resumes").hidden = state !== "private" || ["clock", "added"].includes(answer.alone?.reason);
  at("personal").hidden = !(answer.alone || answer.perks) || state === "private";
  at("personal-means").textContent = text(answer.alone ? "personal_alone" : "personal_agent");
  at("personal-off").hidden = state !== "personal";
  at("personal-hour").hidden = at("personal-on").hidden = state === "personal";
  at("figures").hidden = !known;
  showAlone(answer, tell);
  if (!known) return;
  at("tokens").textContent = range(answer.tokens_low, answer.tokens_high);
  at("exchanges").textContent = count(answer.exchanges);
  at("waiting").textContent = answer.waiting > 0 ? text("waiting", count(answer.waiting)) : "";
  at("left").replaceChildren(...answer.left.map(({ at: when, host }) => {
    const line = document.createElement("li");
    line.textContent = `${moment(when)} ${host}`;
    return line;
  }));
}

function headline(state, until) {
  if ((state === "private" || state === "personal") && until) return text(`${state}_until`, moment(until));
  return text(state);
}

function sentence(state, { alone, mayEnrol }) {
  if (alone?.reason === "clock") return text("clock_sentence");
  if (alone?.reason === "added") return text("added_sentence");
  if (alone && (state === "observed" || state === "personal")) return text(`${state}_alone_sentence`, alone.tenant);
  return text(mayEnrol ? "not_enrolled_sentence" : `${state}_sentence`);
}

show(await ask({ kind: "show" }));

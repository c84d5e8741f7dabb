// The part of the popup for a browser on a machine without an agent: its enrolment, its Privacy Hours, and its way to the server.
import { dayName, minutes, text, windowWords } from "./words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const at = (id) => document.getElementById(id);
let tell = null;

at("days").replaceChildren(...DAYS.map((day) => {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "days", value: day });
  label.append(box, dayName(day));
  return label;
}));

at("window").addEventListener("submit", async (event) => {
  event.preventDefault();
  const days = [...at("days").querySelectorAll(":checked")].map(({ value }) => value);
  const [start, end] = [minutes(at("from").value), minutes(at("to").value)];
  const wrong = days.length === 0 ? "no_day" : start === null || start === 1440 || end === null || end === 0 || start === end ? "no_time" : "";
  at("window-error").textContent = wrong ? text(wrong) : "";
  if (wrong) return;
  const answer = await tell({ kind: "add-window", window: { every: "week", days, start_minute: start, end_minute: end } });
  if (answer.name) {
    at("window-error").textContent = refusal(answer);
    return;
  }
  at("window").reset();
  at("more-hours").open = false;
});

at("enrol").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("enrol-error").textContent = "";
  const answer = await tell({ kind: "enrol", server: at("server").value, code: at("code").value });
  if (answer.name) at("enrol-error").textContent = refusal(answer);
});

function refusal({ name, said }) {
  return text(name, said ?? "") || said || text("not_possible");
}

/** Shows what of an answer is about such a browser; `send` tells the worker something, and shows its answer. */
export function showAlone({ alone, mayEnrol, trouble }, send) {
  tell = send;
  at("alone").hidden = !alone;
  at("doubts").hidden = alone?.reason !== "clock";
  at("enrolment").hidden = !mayEnrol && alone?.link !== "shut-out";
  at("trouble").textContent = alone ? linkWords(alone) : trouble ? refusal(trouble) : "";
  if (!alone) return;
  at("server").value ||= alone.server;
  at("hours-none").textContent = alone.windows.length + alone.added.length === 0 ? text("no_hours") : "";
  at("windows").replaceChildren(
    ...alone.windows.map((window) => line(windowWords(window), () => send({ kind: "remove-window", window }))),
    ...alone.added.flatMap((schedule) => schedule.windows.map((window) => line(text("added_window", windowWords(window))))),
  );
  at("changed").hidden = alone.former.length === 0;
  at("former").textContent = text("former", alone.former.flatMap(({ windows }) => windows.map(windowWords)).join("; "));
  at("reports").textContent = text("reports", alone.hostname, alone.tenant, alone.server);
}

function linkWords({ because, said, missed }) {
  const words = because ? [text(`link_${because}`, said)] : [];
  if (missed > 0) words.push(text("missed", missed));
  return words.join(" ");
}

function line(words, remove) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = words;
  item.append(name);
  if (remove) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text("remove") });
    button.setAttribute("aria-label", text("remove_window", words));
    button.addEventListener("click", remove);
    item.append(button);
  }
  return item;
}

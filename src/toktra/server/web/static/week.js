/* The editor of a week, by mouse, touch and arrow keys. Without this script its buttons post the form instead. */
"use strict";
(() => {
  const QUARTER = 15;
  const DAY = 1440;
  const SVG = "http://www.w3.org/2000/svg";
  const week = document.querySelector("[data-week]");
  if (!week || week.querySelector("fieldset:disabled")) return;
  const form = week.closest("form");
  const days = [...week.querySelectorAll("[data-day]")];
  const most = Number(week.dataset.most);

  const clock = (minute) =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const minuteOf = (text) => {
    const match = /^(\d{1,2})(?:[:.]([0-5]\d))?$/.exec(text.trim());
    const minute = match ? 60 * Number(match[1]) + Number(match[2] ?? 0) : NaN;
    return minute <= DAY ? minute : NaN;
  };
  const rowsOf = (day) => [...day.querySelectorAll("[data-row]")];
  const fieldsOf = (row) => [...row.querySelectorAll("input")];
  const spanOf = (row) => {
    const [start, end] = fieldsOf(row).map((field) => minuteOf(field.value));
    if (Number.isNaN(start) || Number.isNaN(end) || start === end || start === DAY) return null;
    return { start, end: end > start ? end : end + DAY };
  };

  // Names and labels count from 1 in each day, as the server reads them.
  const number = (day) => {
    const name = day.querySelector("legend").textContent.trim();
    rowsOf(day).forEach((row, place) => {
      const [from, to] = fieldsOf(row);
      const labels = row.querySelectorAll("label");
      [[from, "from", labels[0]], [to, "to", labels[1]]].forEach(([field, part, label]) => {
        field.id = field.name = label.htmlFor = `${day.dataset.day}-${place + 1}-${part}`;
        label.textContent = `${name} ${place + 1}, ${week.dataset[part]}`;
      });
      const remove = row.querySelector("button");
      remove.value = `drop-${day.dataset.day}-${place + 1}`;
      remove.setAttribute("aria-label", `${week.dataset.remove}: ${name} ${from.value}–${to.value}`);
    });
    day.querySelector("[data-add]").disabled = rowsOf(day).length >= most;
  };

  const rect = (group, start, end) => {
    const share = (minutes) => `${(100 * minutes / DAY).toFixed(2)}%`;
    const one = group.appendChild(document.createElementNS(SVG, "rect"));
    const shape = { class: "k-own", x: share(start), y: 3, width: share(end - start), height: 22, rx: 2 };
    Object.entries(shape).forEach(([name, value]) => one.setAttribute(name, value));
    const sign = group.appendChild(document.createElementNS(SVG, "svg"));
    Object.entries({ x: share((start + end) / 2), y: 14, overflow: "visible" }).forEach(([name, value]) => sign.setAttribute(name, value));
    const path = sign.appendChild(document.createElementNS(SVG, "path"));
    path.setAttribute("class", "k-own-i");
    path.setAttribute("d", "M-2.5-4V4M2.5-4V4");
  };
  const draw = () => {
    days.forEach((day, place) => {
      const group = day.querySelector("[data-own]");
      group.replaceChildren();
      rowsOf(day).map(spanOf).forEach((span) => span && rect(group, span.start, Math.min(span.end, DAY)));
      rowsOf(days[(place + 6) % 7]).map(spanOf).forEach((span) => span && span.end > DAY && rect(group, 0, span.end - DAY));
    });
  };

  const add = (day, start, end) => {
    if (rowsOf(day).length >= most) return null;
    const row = document.createElement("div");
    row.className = "window";
    row.dataset.row = "";
    const remove = document.createElement("button");
    remove.className = "btn btn--icon btn--bare";
    remove.type = "submit";
    remove.name = "do";
    remove.append(closeIcon());
    const dash = document.createElement("span");
    dash.textContent = "–";
    dash.ariaHidden = "true";
    row.append(...field(start), dash, ...field(end), remove);
    day.querySelector("[data-add]").closest(".row").before(row);
    number(day);
    draw();
    return row;
  };
  const field = (minute) => {
    const label = document.createElement("label");
    label.className = "vh";
    const input = document.createElement("input");
    Object.assign(input, { className: "input input--time", type: "text", inputMode: "numeric", maxLength: 5, autocomplete: "off", value: clock(minute) });
    return [label, input];
  };
  const closeIcon = () => {
    const icon = document.createElementNS(SVG, "svg");
    Object.entries({ class: "i i--s", viewBox: "0 0 20 20", "aria-hidden": "true" }).forEach(([name, value]) => icon.setAttribute(name, value));
    icon.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", "m5 5 10 10M15 5 5 15");
    return icon;
  };
  const set = (row, start, end) => {
    const [from, to] = fieldsOf(row);
    from.value = clock(start);
    to.value = clock(end);
    number(row.closest("[data-day]"));
    draw();
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=do]");
    const day = button?.closest("[data-day]");
    if (button?.hasAttribute("data-copy")) {
      event.preventDefault();
      const monday = rowsOf(days[0]).map((row) => fieldsOf(row).map((one) => one.value));
      days.slice(1, 5).forEach((other) => {
        rowsOf(other).forEach((row) => row.remove());
        monday.forEach(([from, to]) => { const row = add(other, 0, QUARTER); const [a, b] = fieldsOf(row); a.value = from; b.value = to; });
        number(other);
      });
      draw();
    } else if (day && button.hasAttribute("data-add")) {
      event.preventDefault();
      const last = rowsOf(day).map(spanOf).filter(Boolean).map((span) => span.end).sort((a, b) => b - a)[0];
      const start = last === undefined ? 720 : Math.min(last + 60, DAY - 60);
      fieldsOf(add(day, start, start + 60))[0]?.focus();
    } else if (day && button.value.startsWith("drop-")) {
      event.preventDefault();
      button.closest("[data-row]").remove();
      number(day);
      draw();
      day.querySelector("[data-add]").focus();
    }
  });
  form.addEventListener("input", (event) => { if (event.target.closest("[data-row]")) draw(); });
  form.addEventListener("keydown", (event) => {
    const step = { ArrowUp: QUARTER, ArrowDown: -QUARTER }[event.key];
    const input = event.target.closest("[data-row] input");
    if (!step || !input) return;
    const minute = minuteOf(input.value);
    if (Number.isNaN(minute)) return;
    event.preventDefault();
    const latest = input === fieldsOf(input.closest("[data-row]"))[0] ? DAY - QUARTER : DAY;
    input.value = clock(Math.max(0, Math.min(latest, minute + step)));
    draw();
  });

  // Drawing with a pointer: an end of a window that is there, or a new window on free ground.
  days.forEach((day) => {
    const bar = day.querySelector("[data-bar]");
    const at = (event) => {
      const box = bar.getBoundingClientRect();
      const minute = ((event.clientX - box.left) / box.width) * DAY;
      return Math.max(0, Math.min(DAY, Math.round(minute / QUARTER) * QUARTER));
    };
    bar.classList.add("day__bar--drawn");
    bar.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      const box = bar.getBoundingClientRect();
      const near = ((event.pointerType === "mouse" ? 16 : 24) / box.width) * DAY;
      const from = at(event);
      const within = rowsOf(day).map((row) => ({ row, span: spanOf(row) })).filter(({ span }) => span && span.end <= DAY);
      const distance = ({ span }) => Math.min(Math.abs(span.start - from), Math.abs(span.end - from));
      const held = within.filter((one) => distance(one) <= near).sort((a, b) => distance(a) - distance(b))[0];
      let row = held?.row ?? null;
      const fixed = held ? (Math.abs(held.span.start - from) < Math.abs(held.span.end - from) ? held.span.end : held.span.start) : from;
      if (!held && within.some(({ span }) => span.start < from && from < span.end)) return;
      event.preventDefault();
      bar.setPointerCapture(event.pointerId);
      const move = (moved) => {
        if (moved.pointerId !== event.pointerId) return;
        const to = at(moved);
        if (to === fixed) return;
        row ??= add(day, Math.min(fixed, to), Math.max(fixed, to));
        if (row) set(row, Math.min(fixed, to), Math.max(fixed, to));
      };
      const end = (ended) => {
        if (ended.pointerId !== event.pointerId) return;
        bar.removeEventListener("pointermove", move);
        bar.removeEventListener("pointerup", end);
        bar.removeEventListener("pointercancel", end);
        // The finger scrolls the page after all, or a call came in: nothing was meant by it.
        if (ended.type === "pointercancel" && held) set(row, held.span.start, held.span.end);
        else if (ended.type === "pointercancel" && row) { row.remove(); number(day); draw(); }
      };
      bar.addEventListener("pointermove", move);
      bar.addEventListener("pointerup", end);
      bar.addEventListener("pointercancel", end);
    });
  });

  const zone = form.querySelector("[data-zone]");
  if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const hint = form.querySelector("[data-hint]");
  if (hint) hint.hidden = false;
  days.forEach(number);
  draw();
})();

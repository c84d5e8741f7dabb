/* Keeps an open page current: htmx fetches, this decides when, and says aloud what changed. */
"use strict";
(() => {
  const SAY_AT_MOST_EVERY_MS = 60_000;
  let lastSaid = Date.now();
  const live = () => document.querySelector("[data-live]");
  const trouble = () => document.getElementById("live-trouble");

  const setTrouble = (on) => { const note = trouble(); if (note) note.hidden = !on; };

  // A page nobody sees asks for nothing; when it is seen again it asks at once.
  document.addEventListener("htmx:before:request", (event) => {
    if (document.hidden && event.target.matches?.("[data-live]")) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) live()?.dispatchEvent(new CustomEvent("seen"));
  });

  // The figures on the page stay; a note says that they no longer move.
  document.addEventListener("htmx:error", () => setTrouble(true));
  document.addEventListener("htmx:response:error", () => setTrouble(true));
  document.addEventListener("htmx:before:response", (event) => {
    if (event.detail.ctx.response.status < 400) setTrouble(false);
  });

  // Totals are spoken when they changed, but not so often that nothing else can be heard.
  document.addEventListener("htmx:after:swap", () => {
    const status = document.getElementById("totals-said");
    const words = live()?.dataset.said ?? "";
    if (!status || !words || words === status.textContent || Date.now() - lastSaid < SAY_AT_MOST_EVERY_MS) return;
    lastSaid = Date.now();
    status.textContent = words;
  });
})();

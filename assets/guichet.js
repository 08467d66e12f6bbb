// The one script: it saves a waiting customer the reloading, and leaves a page that was read. Every page works without it.
"use strict";

// A customer who waits for an approval elsewhere: ask how the journey stands, say so, and go on when it has moved.
const waiting = document.querySelector("[data-status-url]");
if (waiting) {
  const { statusUrl, page, still, moved, offline } = waiting.dataset;
  const say = (text) => { if (waiting.textContent !== text) waiting.textContent = text; };
  // a refusal has a page of its own; trouble on the way has not, and passes
  const state = async () => {
    const answer = await fetch(statusUrl, { headers: { accept: "application/json" }, cache: "no-store" });
    if (answer.ok) return (await answer.json()).state;
    return answer.status < 500 && answer.status !== 429 ? "moved" : "unknown";
  };
  const ask = async (round) => {
    const found = await state().catch(() => "unknown");
    if (found === "moved") {
      say(moved);
      location.replace(page);
      return;
    }
    if (found === "waiting" && round >= 15) say(still);
    if (found !== "waiting") say(offline);
    setTimeout(ask, 2000, found === "waiting" ? round + 1 : 15);
  };
  setTimeout(ask, 1000, 0);
}

// A page that explains how the journey ended leaves by itself, unless the customer wants to stay (WCAG 2.2.1).
const leave = document.getElementById("leave");
if (leave) {
  const leaving = document.getElementById("leaving");
  const stay = document.getElementById("stay");
  leave.hidden = false;
  const timer = setTimeout(() => location.assign(document.getElementById("home").href), 10000);
  stay.addEventListener("click", () => {
    clearTimeout(timer);
    leaving.textContent = leaving.dataset.stays;
    stay.hidden = true;
  });
}

/** The page: its views, its keyboard, and one drawing for each frame in which something has changed. */

import { html, render } from "../vendor/lit-html/lit-html.js";
import { effect, signal } from "../vendor/signals-core/signals-core.module.js";
import { problem, show } from "./api.js";
import { refreshRules } from "./controls.js";
import { dialog } from "./dialog.js";
import { liveView, pauseOrResume, settle, whole } from "./live.js";
import { route } from "./route.js";
import { busy, connection, held, overview, refresh, selected } from "./state.js";
import { follow } from "./stream.js";
import { holding, holdNext, queue, refreshHolding, release, setHolding, step } from "./touch.js";
import { fromServer, language, setLanguage, t, translated } from "./words.js";

/**
 * The views: the first is there at once, the others are loaded when they are first looked at.
 * @typedef {{name: string, load: () => Promise<() => unknown>}} View
 * @type {Record<string, View>}
 */
const VIEWS = {
  live: { name: "Live", load: async () => liveView },
  keys: { name: "Keys", load: async () => (await import("./keys.js")).keysView },
  try: { name: "Try it", load: async () => (await import("./tryit.js")).tryView },
  scenarios: { name: "Scenarios", load: async () => (await import("./scenarios.js")).scenariosView },
  explore: { name: "Explore", load: async () => (await import("./explore.js")).exploreView },
  simulate: { name: "Simulate", load: async () => (await import("./simulate.js")).simulateView },
  runs: { name: "Runs", load: async () => (await import("./runs.js")).runsView },
};
/** How each view that was loaded is drawn, by name. */
const loaded = signal(/** @type {Record<string, () => unknown>} */ ({ live: liveView }));
/** @type {Set<string>} */
const loading = new Set();

/** @param {string} name @param {View} view */
function drawView(name, view) {
  const draw = loaded.value[name];
  if (draw) return draw();
  if (!loading.has(name)) {
    loading.add(name);
    view.load().then((ready) => (loaded.value = { ...loaded.value, [name]: ready }), show).finally(() => loading.delete(name));
  }
  return html`<p role="status">${t("loading…")}</p>`;
}
effect(() => {
  if (language.value === "ko") void import("./korean_texts.js").then((texts) => (translated.value = texts.translated));
});
const EVERY_MS = 3000;

/** @type {Record<string, string>} */
const SIGNS = { open: "connected", connecting: "connecting…", lost: "connection lost, trying again" };

function page() {
  const name = route.value.view in VIEWS ? route.value.view : "live";
  const view = /** @type {View} */ (VIEWS[name]);
  const wrong = problem.value;
  return html`<a class="skip" href="#main" @click=${(/** @type {Event} */ event) => {
      event.preventDefault();
      document.getElementById("main")?.focus();
    }}>${t("Skip to the content")}</a>
    <header class="top">
      <h1>devenv</h1>
      <nav aria-label=${t("Views")}>${Object.entries(VIEWS).map(([path, one]) => html`<a href=${`#/${path}`} aria-current=${one === view ? "page" : "false"}>${t(one.name)}</a>`)}</nav>
      <span class="sign ${connection.value}" role="status">${t(SIGNS[connection.value] ?? "")}</span>
      <button lang=${language.value === "ko" ? "en" : "ko"} id="language" @click=${() => setLanguage(language.value === "ko" ? "en" : "ko")}>${language.value === "ko" ? "English" : "한국어"}</button>
    </header>
    ${wrong ? html`<p class="banner bad" role="alert">${fromServer(wrong.detail)}${wrong.hint ? html` <span>${fromServer(wrong.hint)}</span>` : ""} <button @click=${() => (problem.value = null)}>${t("OK")}</button></p>` : ""}
    ${busy.value ? html`<p class="banner busy" role="status">${busy.value}…</p>` : ""}
    <main id="main" tabindex="-1">${drawView(name, view)}</main>
    ${dialog()}`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
let due = false;
/** @type {(() => void)|null} */
let stopReading = null;

/** Draw the page; the next frame draws it anew once a signal that was read has changed. */
function draw() {
  stopReading?.();
  let drawn = false;
  stopReading = effect(() => {
    if (drawn) {
      requestDrawing();
      return;
    }
    drawn = true;
    try {
      render(page(), root);
    } catch (error) {
      console.error(error); // and stay: the next change draws anew
    }
    if (overview.value !== null && performance.getEntriesByName("first-picture").length === 0) performance.mark("first-picture");
    if (!whole.value) requestAnimationFrame(() => (whole.value = true));
  });
  settle();
}

/** How long the last drawing took, and when it ended, in milliseconds. */
let cost = 0;
let ended = 0;
/** At most so much of the time is spent on drawing: on a slow machine the page draws more seldom, and stays usable. */
const DRAWING_SHARE = 0.25;
const SHORT_MS = 8;

/** The drawing that is put off, or 0. */
let later = 0;

function requestDrawing() {
  if (due) return;
  due = true;
  const wait = cost < SHORT_MS ? 0 : ended + cost * (1 / DRAWING_SHARE - 1) - performance.now();
  if (wait > 0) later = setTimeout(nextFrame, wait);
  else nextFrame();
}

function nextFrame() {
  later = 0;
  requestAnimationFrame(drawNow);
}

/** What a person does is shown at once. */
function hurry() {
  cost = 0;
  if (later === 0) return;
  clearTimeout(later);
  nextFrame();
}

function drawNow() {
  due = false;
  const began = performance.now();
  draw();
  ended = performance.now();
  cost = ended - began;
}

/** @param {KeyboardEvent} event */
function keyed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const writes = ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName) && /** @type {HTMLInputElement} */ (target).type !== "checkbox";
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && writes) target.blur();
  if (writes || document.querySelector("dialog[open]")) return;
  const first = queue.value[0];
  const row = selected.value;
  const chosen = row?.kind === "redis" ? (held.value.find((one) => `c${one.seq}` === row.id) ?? first) : first;
  /** @type {Record<string, () => unknown>} */
  const keys = {
    "/": () => document.getElementById("search")?.focus(),
    p: pauseOrResume,
    h: () => setHolding(!holding.value),
    n: holdNext,
    s: step,
    r: () => chosen && release(chosen),
    l: () => chosen && release(chosen, "lose-reply"),
  };
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  void act();
}

for (const kind of ["keydown", "pointerdown", "input", "wheel"]) addEventListener(kind, hurry, { capture: true, passive: true });
addEventListener("keydown", keyed);
draw();
if (overview.value === null) void refresh(); // the stack took longer than the page's answer waits
follow();
effect(() => {
  // At the start and after each loss of the connection: what was asked for meanwhile may have been lost.
  if (connection.value !== "open") return;
  void refresh();
  void refreshHolding();
  void refreshRules();
});
setInterval(() => {
  if (!document.hidden && connection.value === "open") void refresh();
}, EVERY_MS);
addEventListener("hashchange", () => {
  if (route.value.view === "live") void refreshHolding();
});

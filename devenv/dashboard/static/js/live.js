/** The first view: the picture, what can be done, what is held, and the stream of records. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { chart } from "./charts.js";
import { controlsPanel } from "./controls.js";
import { detail } from "./detail.js";
import { explainEvents, explainLive, findings, forget } from "./explain.js";
import { filterBar, filterOf } from "./filters.js";
import { Lanes } from "./lanes.js";
import { picture } from "./picture.js";
import { address, parameter, setParameter } from "./route.js";
import { exchangeRow, fits, NOT_FOUND } from "./rows.js";
import { sendPanel } from "./send.js";
import { challenges, dropped, held, now, overview, podNames, records, selected, underWay } from "./state.js";
import { release, touchPanel } from "./touch.js";
import { t } from "./words.js";

/** @import {Row} from "./types.js" */

const lanes = new Lanes();
const moved = signal(0);
const peeked = signal(/** @type {Row|null} */ (null));
const CHART_SECONDS = 60;
/** So many answers are searched in a moment. */
const MOST_ANSWERS = 3;

export function pauseOrResume() {
  if (lanes.frozen === null) lanes.pause(records.rows);
  else lanes.resume();
  moved.value += 1;
}

/** After each drawing. */
export function settle() {
  lanes.attach(document.querySelector(".live .lanes .scroll"));
  lanes.settle();
}

/** The buttons of a row that is held. @param {Row} row */
function buttons(row) {
  if (row.kind !== "redis" || !("seq" in row.record)) return "";
  const seq = row.record.seq;
  const message = held.value.find((one) => one.seq === seq);
  if (message === undefined) return "";
  return html`<button class="primary" @click=${() => release(message)}>${t("Release")}</button>
    <button @click=${() => release(message, "lose-reply")}>${t("Lose the reply")}</button>`;
}

/** @param {Row} row */
function more(row) {
  if (row.kind === "exchange" && row.result === NOT_FOUND && "seq" in row.record) {
    return html`<p><a class="button" href=${`#/live?why=${row.record.seq}`}>${t("Why?")}</a></p>`;
  }
  if (!row.challenge) return "";
  const same = records.rows.filter((one) => one.challenge === row.challenge);
  return html`<p><button @click=${() => {
    setParameter("why", "selection");
    void explainEvents(same.filter((one) => one.record.kind !== "exchange" || one.record.seq > 0).map((one) => one.record));
  }}>${t("Explain this challenge alone")}</button>
    <a class="button" href=${search(same)}>${t("Find a failing order")}</a></p>`;
}

/** Where every order of a challenge's answers is tried; of two answers where it got fewer. @param {Row[]} same The rows of the challenge. */
function search(same) {
  const letters = same.flatMap((row) => {
    if (row.kind !== "exchange" || !("request_body" in row.record)) return [];
    if (row.result === "passed") return ["R"];
    if (row.result !== "wrong") return [];
    return [/"selections": ?\[\]/.test(row.record.request_body ?? "") ? "E" : "W"];
  });
  const store = overview.value?.stores[same[0]?.pod ?? ""] ?? "memory";
  return address("explore", new URLSearchParams({ target: letters.length > 1 ? letters.slice(0, MOST_ANSWERS).join("+") : "R+W", strategy: store === "memory" ? "guide" : store }));
}

function why() {
  const word = parameter("why");
  if (!word) return "";
  if (word !== "selection") void explainLive(word === "all" ? "" : word);
  return html`<section class="card why" aria-labelledby="why-title">
    <div class="bar"><h2 id="why-title">${t("What went wrong")}</h2>
    <button aria-label=${t("Close")} @click=${() => {
      setParameter("why", "");
      forget();
    }}>✕</button></div>
    ${findings()}
  </section>`;
}

/** @type {{at: number, drawn: unknown}} The chart as it was drawn last: one drawing a second is enough. */
let shown = { at: 0, drawn: "" };

function share() {
  const at = Math.floor(now.value);
  if (shown.at !== at) shown = { at, drawn: drawShare() };
  return shown.drawn;
}

/** The share of answers that were "not found", second by second. */
function drawShare() {
  const answers = challenges.answers;
  if (answers.length < 2) return "";
  const end = Math.floor(/** @type {{time: number}} */ (answers[answers.length - 1]).time);
  const times = Array.from({ length: CHART_SECONDS }, (_, index) => end - CHART_SECONDS + 1 + index);
  const all = times.map(() => 0);
  const lost = times.map(() => 0);
  for (const answer of answers) {
    const place = Math.floor(answer.time) - /** @type {number} */ (times[0]);
    if (place < 0 || place >= CHART_SECONDS) continue;
    all[place] = (all[place] ?? 0) + 1;
    if (answer.lost) lost[place] = (lost[place] ?? 0) + 1;
  }
  return html`<section class="card">${chart(t("Answers in a second, and those that were not found"), times, [
    { label: t("answers"), values: all, tone: "accent" },
    { label: t("not found"), values: lost, tone: "bad" },
  ], "time")}</section>`;
}

/** Whether all of the view is drawn: the first frame has the picture alone, so that it is there at once. */
export const whole = signal(false);

/** The view. */
export function liveView() {
  if (parameter("job")) void import("./branch.js").then((branch) => branch.showAgain(parameter("job")));
  return html`<div class="live">
    <div class="side">
      <section class="card stage" aria-label=${t("The stack now")}>${picture()}</section>
      ${whole.value ? html`${why()} ${touchPanel()} ${stream()} ${share()}` : ""}
    </div>
    <div class="side">
      ${whole.value ? html`${sendPanel()}${controlsPanel()}<aside class="card detail" aria-label=${t("The record in full")}>${detail(peeked.value ?? selected.value, more)}</aside>` : ""}
    </div>
  </div>`;
}

function stream() {
  moved.value;
  records.version.value;
  records.setFilter(filterOf());
  const open = underWay.value.map((exchange) => exchangeRow({ ...exchange, seq: 0 })).filter((row) => fits(row, records.filter));
  const frozen = lanes.frozen;
  const rows = frozen ? frozen.filter((row) => fits(row, records.filter)) : [...records.shown, ...open];
  const counts = { shown: rows.length, all: (frozen ?? records.rows).length, came: records.total };
  const count = frozen ? t("{shown} of {all}, {came} came", counts) : t("{shown} of {all}", counts);
  return html`<section class="card" aria-labelledby="stream-title">
    <div class="bar">
      <h2 id="stream-title">${t("Stream")}</h2>
      <button aria-pressed=${frozen ? "true" : "false"} id="pause" @click=${pauseOrResume}>${frozen ? t("Resume") : t("Pause")} <kbd>p</kbd></button>
      ${filterBar(podNames.value, count)}
    </div>
    ${dropped.value ? html`<p class="banner bad" role="status">${t("{count} records were dropped: they came faster than this page took them, or while it was away.", { count: dropped.value })} <button @click=${() => (dropped.value = 0)}>${t("OK")}</button></p>` : ""}
    ${lanes.draw(rows, {
      name: t("Stream"),
      pods: podNames.value,
      selected: selected.value,
      select: (row) => (selected.value = row),
      peek: (row) => (peeked.value = row),
      buttons,
      redraw: () => (moved.value += 1),
    })}
  </section>`;
}

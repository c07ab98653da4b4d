/** How many sessions a setting loses, predicted for every value of one of its fields: a line with its interval. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { chart } from "./charts.js";
import { failure, job, reported, start, stop } from "./jobs.js";
import { t } from "./words.js";

/** @typedef {{value: string, share_lost: {value: number, low: number, high: number}}} Point */

const wish = signal({ sweep: "pods=1..12", policy: "round-robin", redis: "0", strategy: "atomic" });

/** @param {Event} event */
function value(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}

function run() {
  const { sweep, policy, redis, strategy } = wish.value;
  const all = { policy, "redis-pods": redis, strategy };
  const swept = sweep.split("=")[0]?.trim() ?? "";
  const fields = Object.fromEntries(Object.entries(all).filter(([name]) => name !== swept));
  return start({ verb: "simulate", target: sweep, fields });
}

function command() {
  const { sweep, policy, redis, strategy } = wish.value;
  return `devenv simulate --sweep ${sweep} --policy ${policy} --redis-pods ${redis} --strategy ${strategy}`;
}

/** @param {number} share */
function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

/** @param {{field: string, sweep: Point[]}} result */
function outcome(result) {
  const places = result.sweep.map((point, index) => (result.sweep.every((one) => Number.isFinite(Number(one.value))) ? Number(point.value) : index + 1));
  const shares = result.sweep.map((point) => point.share_lost);
  const title = t("Lost sessions, %, by {field}", { field: result.field });
  return html`${chart(title, places, [
      { label: t("at least"), values: shares.map((one) => one.low * 100), tone: "accent" },
      { label: t("at most"), values: shares.map((one) => one.high * 100), tone: "accent" },
      { label: t("lost"), values: shares.map((one) => one.value * 100), tone: "bad" },
    ], result.field)}
    <div class="wide" tabindex="0" role="group" aria-label=${title}>
      <table id="simulated"><thead><tr><th scope="col">${result.field}</th><th scope="col">${t("lost")}</th><th scope="col">${t("at least")}</th><th scope="col">${t("at most")}</th></tr></thead>
        <tbody>${result.sweep.map((point) => html`<tr><td>${point.value}</td><td>${percent(point.share_lost.value)}</td><td>${percent(point.share_lost.low)}</td><td>${percent(point.share_lost.high)}</td></tr>`)}</tbody></table>
    </div>`;
}

/** @param {string} name @param {string[]} values @param {"policy"|"redis"|"strategy"} field */
function choice(name, values, field) {
  return html`<label>${name} <select id=${`simulate-${field}`} @change=${(/** @type {Event} */ event) => (wish.value = { ...wish.value, [field]: value(event) })}>
    ${values.map((one) => html`<option .selected=${one === wish.value[field]}>${one}</option>`)}
  </select></label>`;
}

/** The view. */
export function simulateView() {
  const mine = job.value?.asked.verb === "simulate";
  const result = mine ? reported("result") : null;
  const error = mine ? reported("error") : null;
  const last = mine ? job.value?.reports.findLast((report) => report.moment === "simulated") : null;
  return html`<section class="card" aria-labelledby="simulate-title">
    <h2 id="simulate-title">${t("Simulate")}</h2>
    <p>${t("How many sessions are lost, predicted without running a pod.")}</p>
    <div class="fields">
      <label>${t("what changes")} <input id="simulate-sweep" .value=${wish.value.sweep} @change=${(/** @type {Event} */ event) => (wish.value = { ...wish.value, sweep: value(event) })} /></label>
      ${choice(t("policy"), ["round-robin", "random", "least-in-flight", "source-hash", "cookie-sticky", "per-connection"], "policy")}
      ${choice(t("pods with Redis"), ["0", "1", "all"], "redis")}
      ${choice(t("strategy"), ["guide", "atomic", "watch", "getdel", "incr"], "strategy")}
      <button class="primary" id="simulate-run" ?disabled=${job.value !== null && !job.value.ended} @click=${run}>${t("Simulate")}</button>
    </div>
    <p class="quiet">${t("The same in a terminal:")} <code>${command()}</code></p>
    ${mine && !job.value?.ended ? html`<p class="busy" role="status">${last ? t("{shown} of {all}", { shown: last.settings, all: last.of }) : t("starting")} <button @click=${stop}>${t("Stop")}</button></p>` : ""}
    ${error ? html`<p class="bad" role="alert">${failure(error)}</p>` : ""}
    ${result ? outcome(result) : ""}
  </section>`;
}

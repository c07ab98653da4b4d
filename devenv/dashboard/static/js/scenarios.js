/** The catalogue of failures: what each scenario is about, what each store does with it, and a button that runs it. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { act } from "./api.js";
import { rewind } from "./branch.js";
import { failure, job, progressWords, reported, start, stop } from "./jobs.js";
import { parameter, setParameter } from "./route.js";
import { sequence, thumbnail } from "./sequence.js";
import { overview } from "./state.js";
import { stepper } from "./stepper.js";
import { fromServer, t } from "./words.js";

/** @typedef {{id: string, title: string, cause: string, about: string, source: string, sketch: import("./types.js").Message[], pods: number, stores: Record<string, {bug: boolean, shows: string, not_applicable: string|null}>}} Scenario */

const scenarios = signal(/** @type {Scenario[]|null} */ (null));
const step = signal(1000);
const order = signal("");
const until = signal(1);

let asked = false;

async function load() {
  if (asked) return;
  asked = true;
  const answer = await act("GET", "/dashboard/scenarios");
  if (answer) scenarios.value = answer.scenarios;
}

addEventListener("hashchange", () => {
  asked = scenarios.value !== null; // what could not be loaded is asked for again when somebody comes back
});

/** @param {Scenario} scenario @param {string} store @param {string} [schedule] */
function run(scenario, store, schedule) {
  step.value = 1000;
  setParameter("store", store);
  return start({ verb: "replay", target: scenario.id, strategy: store, ...(schedule ? { schedule } : {}) });
}

/** What a store shows, or why it has no part in it. @param {{shows: string, not_applicable: string|null}} note */
function noted(note) {
  return fromServer(note.not_applicable ?? note.shows);
}

/** @param {Scenario} scenario */
function card(scenario) {
  const stores = Object.entries(scenario.stores);
  const shown = parameter("scenario") === scenario.id;
  return html`<article class="card scenario ${shown ? "open" : ""}">
    <h3><button class="link title" aria-expanded=${shown ? "true" : "false"} @click=${() => setParameter("scenario", shown ? "" : scenario.id)}>${fromServer(scenario.title)}</button></h3>
    <p class="quiet"><code>${scenario.id}</code> · ${t(scenario.pods === 1 ? "{count} pod" : "{count} pods", { count: scenario.pods })}</p>
    ${shown ? "" : thumbnail(scenario.sketch)}
    <p class="stores">${stores.map(([store, note]) => html`<span class="label ${note.not_applicable ? "" : note.bug ? "bad" : "good"}" title=${noted(note)}>${store}${note.not_applicable ? " –" : note.bug ? " ✗" : " ✓"}</span>`)}</p>
    ${
      shown
        ? html`<p>${fromServer(scenario.about, `about:${scenario.id}`)}</p>
            <ul class="plain">${stores.map(([store, note]) => html`<li><b>${store}</b>: ${noted(note)}</li>`)}</ul>
            <div class="buttons">${stores.filter(([, note]) => !note.not_applicable).map(([store]) => html`<button class="primary" ?disabled=${!overview.value?.restarts} @click=${() => run(scenario, store)}>${t("Run")}: ${store}</button>`)}</div>
            ${job.value?.asked.target === scenario.id ? "" : sequence(scenario.sketch, t("The steps of {scenario}", { scenario: scenario.id }))}
            <p class="quiet">${t("The same in a terminal:")} <code>devenv replay ${scenario.id} --strategy ${stores.find(([, note]) => note.bug)?.[0] ?? "atomic"}</code></p>
            ${job.value?.asked.target === scenario.id && job.value.asked.verb === "replay" ? outcome(scenario) : parameter("schedule") ? reorder(scenario, parameter("schedule"), parameter("store") || (stores.find(([, note]) => note.bug)?.[0] ?? "atomic")) : ""}
            <details><summary>${t("the file of the scenario")}</summary><pre tabindex="0">${scenario.source}</pre></details>`
        : ""
    }
  </article>`;
}

/** @param {Scenario} scenario */
function outcome(scenario) {
  const error = reported("error");
  const result = reported("result");
  if (error) return html`<p class="bad" role="status">${failure(error)}</p>`;
  if (!result) return html`<p class="busy" role="status">${progressWords()} <button @click=${stop}>${t("Stop")}</button></p>`;
  const messages = result.explanation.messages;
  const schedule = result.schedules?.[0] ?? "";
  return html`<div role="status" class="verdict ${result.verdict === "holds" ? "good" : "bad"}">${result.verdict === "holds" ? t("as the catalogue expects of {store}", { store: result.store }) : result.verdict === "fails" ? t("not what the catalogue expects of {store}", { store: result.store }) : fromServer(result.verdict)}</div>
    <p><a href=${`#/runs?run=${encodeURIComponent(result.run)}`}>${t("The run, with all its records")}</a> · <code>${result.command}</code></p>
    ${result.explanation.findings.map((/** @type {any} */ finding) => html`<p><span class="label bad">${t("cause")}</span> <b>${fromServer(finding.cause, `cause:${finding.cause}`)}</b>: ${fromServer(finding.sentence)}${finding.change ? html`<br /><b>${t("What to change")}</b>: ${fromServer(finding.change)}` : ""}</p>`)}
    ${stepper(Math.min(step.value, messages.length), messages.length, (at) => (step.value = at), t("Step through the order"))}
    ${messages.length ? sequence(messages, fromServer(scenario.title), step.value) : ""}
    ${schedule ? reorder(scenario, schedule, result.store) : ""}`;
}

/** Another order of the same commands, as text. @param {Scenario} scenario @param {string} schedule @param {string} store */
function reorder(scenario, schedule, store) {
  const text = order.value || parameter("schedule") || schedule;
  const words = text.replace(/^v1\s*/, "").split(/\s+/);
  /** @param {number} from @param {number} to */
  const swap = (from, to) => {
    const next = words.slice();
    const [moved] = next.splice(from, 1);
    next.splice(to, 0, /** @type {string} */ (moved));
    order.value = `v1 ${next.join(" ")}`;
    setParameter("schedule", order.value);
  };
  return html`<fieldset class="order">
    <legend>${t("The order, step by step: drag or move a step, then run it")}</legend>
    <ol>${words.map((word, index) => html`<li draggable="true"
        @dragstart=${(/** @type {DragEvent} */ event) => event.dataTransfer?.setData("text/plain", String(index))}
        @dragover=${(/** @type {DragEvent} */ event) => event.preventDefault()}
        @drop=${(/** @type {DragEvent} */ event) => {
          event.preventDefault();
          swap(Number(event.dataTransfer?.getData("text/plain")), index);
        }}><code>${word}</code>
        <button aria-label=${t("Move step {number} forward", { number: index + 1 })} ?disabled=${index === 0} @click=${() => swap(index, index - 1)}>↑</button>
        <button aria-label=${t("Move step {number} back", { number: index + 1 })} ?disabled=${index === words.length - 1} @click=${() => swap(index, index + 1)}>↓</button></li>`)}</ol>
    <label>${t("for")} <code>devenv replay --schedule</code> <input id="order" .value=${text} @change=${(/** @type {Event} */ event) => {
      order.value = /** @type {HTMLInputElement} */ (event.target).value;
      setParameter("schedule", order.value);
    }} /></label>
    <button class="primary" @click=${() => run(scenario, store, text)}>${t("Run this order")}</button>
    <button @click=${() => {
      order.value = "";
      setParameter("schedule", "");
    }}>${t("The recorded order again")}</button>
    <p class="rewind"><label>${t("Rewind to after step")} <input id="rewind-step" type="number" min="0" max=${words.length} size="3" .value=${String(Math.min(until.value, words.length))} @change=${(/** @type {Event} */ event) => (until.value = Number(/** @type {HTMLInputElement} */ (event.target).value))} /></label>
      <button id="rewind" ?disabled=${!overview.value?.restarts} @click=${() => rewind({ target: scenario.id, strategy: store, schedule: text, until: Math.min(until.value, words.length) })}>${t("and go on by hand")}</button>
      <span class="quiet">${t("The steps before run as they are; then the gate holds, and you release.")}</span></p>
  </fieldset>`;
}

/** The view. */
export function scenariosView() {
  void load();
  const search = parameter("q").toLowerCase();
  if (scenarios.value === null) return html`<p role="status">${t("loading…")}</p>`;
  const fitting = scenarios.value.filter((one) => `${one.id} ${one.title} ${one.cause} ${one.about} ${fromServer(one.title)} ${fromServer(one.about, `about:${one.id}`)}`.toLowerCase().includes(search));
  return html`<section aria-labelledby="scenarios-title">
    <div class="bar"><h2 id="scenarios-title">${t("Scenarios")} <span class="quiet">${fitting.length}</span></h2>
      <label>${t("search")} <input id="search" type="search" .value=${parameter("q")} @input=${(/** @type {Event} */ event) => setParameter("q", /** @type {HTMLInputElement} */ (event.target).value)} /></label></div>
    <div class="cards">${fitting.map(card)}</div>
  </section>`;
}

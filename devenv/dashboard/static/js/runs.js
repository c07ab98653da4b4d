/** Past runs in the same stream: of the state directory, or a trace.jsonl from a file. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { act, show } from "./api.js";
import { rewind } from "./branch.js";
import { explainEvents, explainRun, findings, forget } from "./explain.js";
import { phases } from "./phases.js";
import { parameter, route, setParameter } from "./route.js";
import { overview } from "./state.js";
import { violations } from "./violations.js";
import { Walk } from "./walk.js";
import { fromServer, t } from "./words.js";

/** @import {Command, Row} from "./types.js" */

const list = signal(/** @type {any[]} */ ([]));
const shownRun = signal(/** @type {any} */ (null));
const walk = new Walk();
let asked = "";

async function refreshRuns() {
  const answer = await act("GET", "/dashboard/runs");
  if (answer) list.value = answer.runs;
}

void refreshRuns();
addEventListener("hashchange", () => {
  if (route.value.view === "runs") void refreshRuns();
});

/** @param {string} id */
async function open(id) {
  if (asked === id) return;
  asked = id;
  forget();
  if (!id) return;
  const run = await act("GET", `/dashboard/runs/${encodeURIComponent(id)}`);
  if (!run) return;
  shownRun.value = run;
  walk.take(run.events);
  if (run.trace) await explainRun(id);
}

/** @param {string} line @param {string} where */
function eventOf(line, where) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    throw new Error(`${where}: not JSON`);
  }
  if (!["exchange", "redis", "stack"].includes(event?.kind)) throw new Error(`${where}: not an event of a trace`);
  return event;
}

/** @param {Event} event */
async function openFile(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const file = input.files?.[0];
  if (!file) return;
  try {
    const lines = (await file.text()).split("\n").filter((line) => line.trim());
    input.value = ""; // so that the same file can be opened again
    const events = lines.map((line, index) => eventOf(line, `${file.name}:${index + 1}`));
    setParameter("run", "");
    asked = ""; // as the address says
    shownRun.value = { id: file.name, title: file.name, events, left_out: 0, schedule: "" };
    walk.take(events);
    await explainEvents(events);
  } catch (error) {
    show(error);
  }
}

/**
 * The number of the order's step that released this command; 0 where none did.
 * @param {any} run @param {Command} command
 */
function stepOf(run, command) {
  const words = run.schedule.split("\n")[0].replace(/^v1\s*/, "").split(/\s+/);
  if (!command.rule?.startsWith("schedule") || run.schedule.includes(":gives-up")) return 0;
  const released = run.events.filter((/** @type {Command} */ one) => one.kind === "redis" && one.rule?.startsWith("schedule"));
  released.sort((/** @type {Command} */ one, /** @type {Command} */ other) => (one.forwarded ?? Infinity) - (other.forwarded ?? Infinity));
  const releases = words.flatMap((/** @type {string} */ word, /** @type {number} */ place) => (word.startsWith("@") || word.endsWith(":start") ? [] : [place + 1]));
  const place = released.findIndex((/** @type {Command} */ one) => one.seq === command.seq);
  return releases.length === 0 ? 0 : releases[place % releases.length]; // a run that was repeated has the order as often
}

/** What can be done at a step of a run that followed an order. @param {any} run @param {Row} row */
function rewindHere(run, row) {
  if (row.record.kind !== "redis" || run.kind !== "replay" || !run.schedule || !overview.value?.restarts) return "";
  const until = stepOf(run, row.record);
  if (until === 0) return "";
  return html`<p><button id="rewind" @click=${() => rewind({ target: run.id, schedule: run.schedule.split("\n")[0], until })}>${t("Rewind to after this step ({step}) and go on by hand", { step: until })}</button></p>`;
}

/** The view. */
export function runsView() {
  const id = parameter("run");
  void open(id);
  const run = shownRun.value;
  return html`<div class="runs">
    <section class="card list" aria-labelledby="runs-title">
      <h2 id="runs-title">${t("Runs")}</h2>
      <label class="button file">${t("Open a trace.jsonl")}<input class="hidden" type="file" accept=".jsonl" @change=${openFile} /></label>
      <ul class="plain">${list.value.map((one) => html`<li><a href=${`#/runs?run=${encodeURIComponent(one.id)}`} aria-current=${one.id === id ? "true" : "false"}>${fromServer(one.title)}</a>
        ${one.verdict ? html`<span class="label ${one.holds === null ? "" : one.holds ? "good" : "bad"}">${one.verdict === "holds" ? t("holds") : one.verdict === "fails" ? t("fails") : fromServer(one.verdict)}</span>` : ""}<br /><span class="quiet">${one.id.split("-")[0]} ${one.store ?? ""}</span></li>`)}</ul>
      ${list.value.length === 0 ? html`<p class="hint">${t("No run yet. The view Scenarios records one, and so do these in a terminal:")} <code>devenv demo</code> <code>devenv replay NAME</code></p>` : ""}
    </section>
    ${
      run === null
        ? ""
        : html`<section class="run">
            <section class="card">
              <h2>${fromServer(run.title)} <span class="quiet">${run.id}</span></h2>
              ${run.left_out ? html`<p class="bad">${t("{count} records are left out here; this reads all:", { count: run.left_out })} <code>devenv explain ${run.id}</code></p>` : ""}
              ${run.report ? html`<p><a id="report" href=${`/dashboard/runs/${encodeURIComponent(run.id)}/report`} target="_blank" rel="noopener">${t("The run's report")}</a></p>` : ""}
              ${run.kind === "explore" && run.results.violations ? violations(run.results) : ""}
              ${run.kind === "explore" && !run.trace ? "" : walk.draw((row) => rewindHere(run, row))}
            </section>
            ${run.kind === "rollout" && run.results.results?.length ? phases(run.results.results) : ""}
            ${run.trace || run.kind === undefined ? html`<section class="card"><h2>${t("What went wrong")}</h2>${findings()}</section>` : ""}
          </section>`
    }
  </div>`;
}


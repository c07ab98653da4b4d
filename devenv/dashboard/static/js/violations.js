/** What a search found, one card for each kind of violation: its order as a picture, and how to play it again. */

import { html } from "../vendor/lit-html/lit-html.js";
import { show } from "./api.js";
import { rewind } from "./branch.js";
import { reported, start } from "./jobs.js";
import { go } from "./route.js";
import { sequence } from "./sequence.js";
import { overview } from "./state.js";
import { fromServer, t } from "./words.js";

/** @import {Message} from "./types.js" */

/** @typedef {{who: string, what: string, reply: string|null}} Step */
/** Of a service's own session: `order` for `schedule`, and each step as [who, what, reply]. */
/** @typedef {{kind: string, sentence: string, schedule: string, order?: string, sent?: Record<string, string>, seen_in?: {orders: number}, traces: number|null, confirmed: boolean, steps: Step[], scenario_file: string|null, reproduce: string|null, why: string|null}} Violation */
/** @typedef {{violations: Violation[], strategy: string, complete: boolean, verdict: string}} Found */

const MOST_REPLY = 20;

/** @param {Violation} one @param {Step|string[]} taken @returns {Message} */
function message(one, taken) {
  const step = Array.isArray(taken) ? { who: taken[0] ?? "", what: taken[1] ?? "", reply: taken[2] ?? null } : taken;
  const sent = one.sent?.[step.who];
  if (sent && step.what === "start") return { time: 0, source: "client", target: step.who, label: sent, kind: "request" };
  if (step.who === "") return { time: 0, source: "redis", target: "redis", label: step.what, kind: "note" };
  const reply = step.reply === null || step.reply === "" ? "" : ` → ${step.reply.length > MOST_REPLY ? `${step.reply.slice(0, MOST_REPLY)}…` : step.reply}`;
  return { time: 0, source: step.who, target: "redis", label: `${step.what}${reply}`, kind: step.reply === "lost" ? "failed" : "request" };
}

/** Replay the scenario of a violation, and show the run. @param {Violation} one @param {string} strategy */
async function replayHere(one, strategy) {
  await start({ verb: "replay", target: one.scenario_file, strategy });
  const error = reported("error");
  if (error) show(new Error(error.detail));
  else go("runs", { run: reported("result").run });
}

/** @param {Violation} one @param {string} strategy */
function card(one, strategy) {
  const name = fromServer(one.kind, `cause:${one.kind}`);
  const still = !overview.value?.restarts;
  const order = one.order ?? one.schedule;
  const count = one.seen_in?.orders ?? one.traces;
  return html`<article class="card finding"><h3>${name} <span class="quiet">${count === null ? t("orders not counted") : t("in {count} orders", { count })}${one.confirmed ? `, ${t("confirmed on real pods")}` : ""}</span></h3>
    <p>${fromServer(one.sentence)}</p>
    ${one.why ? html`<p class="hint">${fromServer(one.why)}</p>` : ""}
    <pre tabindex="0">${order}</pre>
    ${one.steps.length ? sequence(one.steps.map((step) => message(one, step)), t("The order of {kind}", { kind: name })) : ""}
    ${
      one.scenario_file
        ? html`<div class="buttons"><button class="primary" ?disabled=${still} @click=${() => replayHere(one, strategy)}>${t("Replay it here")}</button>
          ${one.order ? "" : html`<button ?disabled=${still} @click=${() => rewind({ target: /** @type {string} */ (one.scenario_file), strategy, schedule: one.schedule, until: 1 })}>${t("Its first step, and go on by hand")}</button>`}</div>`
        : ""
    }
    ${one.reproduce ? html`<p>${t("In a terminal:")} <code>${one.reproduce}</code></p>` : ""}
  </article>`;
}

/** @param {Found} found */
export function violations(found) {
  const tone = found.violations.length ? "bad" : found.complete ? "good" : "";
  const words = found.violations.length ? t("{count} kinds of violation", { count: found.violations.length }) : fromServer(found.verdict);
  return html`<p class="verdict ${tone}">${words}</p>
    <div class="violations">${found.violations.map((one) => card(one, found.strategy))}</div>`;
}

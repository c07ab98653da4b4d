/** What went wrong, as `devenv explain` tells it: the cause, the setting to change, the evidence and the picture. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { call, show } from "./api.js";
import { sequence } from "./sequence.js";
import { records } from "./state.js";
import { fromServer, t } from "./words.js";

/** @import {Explanation, Finding} from "./types.js" */

export const explanation = signal(/** @type {Explanation|null} */ (null));
export const loading = signal(false);
let asked = "";

/**
 * Explain what is live. `word` is what the address says: the number of an exchange, or empty for all.
 * @param {string} word
 */
export async function explainLive(word) {
  if (asked === `live ${word}`) return;
  asked = `live ${word}`;
  await load(async () => {
    const all = await call("GET", "/dashboard/explain?since=900");
    const row = records.find(`x${word}`);
    const challenge = row?.challenge;
    const about = challenge ? all.findings.filter((/** @type {Finding} */ one) => one.challenges.includes(challenge) || one.challenge === challenge) : [];
    return about.length ? { ...all, findings: about } : all;
  });
}

/** Explain a run. @param {string} id */
export async function explainRun(id) {
  if (asked === `run ${id}`) return;
  asked = `run ${id}`;
  await load(() => call("GET", `/dashboard/explain?run=${encodeURIComponent(id)}`));
}

/** Explain these events alone. @param {unknown[]} events */
export async function explainEvents(events) {
  asked = "events";
  await load(() => call("POST", "/dashboard/explain", { events }));
}

export function forget() {
  asked = "";
  explanation.value = null;
}

/** @param {() => Promise<Explanation>} ask */
async function load(ask) {
  loading.value = true;
  explanation.value = null;
  try {
    explanation.value = await ask();
  } catch (error) {
    show(error);
  } finally {
    loading.value = false;
  }
}

/** The findings, one card each. */
export function findings() {
  if (loading.value) return html`<p role="status">…</p>`;
  const all = explanation.value;
  if (all === null) return "";
  return html`<p class="verdict ${all.findings.length ? "bad" : "good"}" role="status">${fromServer(all.verdict)}</p>
    <div class="findings"><div>${all.findings.map(
      (finding) => html`<article class="card finding">
        <h3><span class="label">${t("cause")}</span> ${fromServer(finding.cause, `cause:${finding.cause}`)}${finding.count > 1 ? ` × ${finding.count}` : ""}</h3>
        <p>${fromServer(finding.sentence)}</p>
        ${finding.change ? html`<p class="change"><strong>${t("What to change")}</strong><br />${fromServer(finding.change)}</p>` : ""}
        ${
          finding.evidence.length
            ? html`<details><summary>${t("evidence ({count})", { count: finding.evidence.length })}</summary>
                <ul class="evidence">${finding.evidence.map((line) => html`<li><code>${line.at >= 0 ? "+" : ""}${line.at.toFixed(3)} s</code> ${fromServer(line.text)}</li>`)}</ul>
              </details>`
            : ""
        }
      </article>`,
    )}
    ${all.remarks.map((remark) => html`<p class="hint">${fromServer(remark)}</p>`)}
    ${all.missing.map((missing) => html`<p class="hint">${t("not recorded: {what}", { what: fromServer(missing) })}</p>`)}
    </div>${all.messages.length ? sequence(all.messages.slice(-60), t("What happened")) : ""}
  </div>`;
}

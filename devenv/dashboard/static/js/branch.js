/** Rewind to a step of an order and go on by hand: the job that does it, beside what the gate holds. */

import { html } from "../vendor/lit-html/lit-html.js";
import { effect } from "../vendor/signals-core/signals-core.module.js";
import { failure, job, progressWords, reported, resume, start, stop } from "./jobs.js";
import { go, parameter, setParameter } from "./route.js";
import { branching } from "./touch.js";
import { fromServer, t } from "./words.js";

/**
 * Play `target` up to step `until` of the order, and go where its commands are held.
 * @param {{target: string, strategy?: string, schedule: string, until: number}} wish
 */
export async function rewind(wish) {
  go("live", {});
  await start({ verb: "branch", ...wish }, (id) => setParameter("job", String(id)));
}

/** Show the branch that the address names again. @param {string} id */
export async function showAgain(id) {
  if (job.value?.id !== Number(id)) await resume(Number(id));
}

effect(() => {
  const now = job.value;
  if (now?.asked.verb !== "branch" || parameter("job") !== String(now.id)) {
    branching.value = null;
    return;
  }
  const stands = now.reports.filter((report) => report.moment === "by hand");
  /** @type {Record<number, string>} */
  const names = {};
  for (const { held } of stands) for (const [name, seq] of Object.entries(held)) names[Number(seq)] = name;
  branching.value = { names, schedule: reported("result")?.schedules?.[0] ?? stands[stands.length - 1]?.schedule ?? "", draw };
});

function draw() {
  const asked = job.value?.asked ?? {};
  const result = reported("result");
  const error = reported("error");
  const byHand = branching.value?.schedule;
  const words = byHand ? t("Step {step} of {target} is reached. What is held waits for you: release it in the order that you want.", { step: asked.until, target: asked.target }) : progressWords();
  return html`<div class="branch" role="status">
    ${
      error
        ? html`<p class="bad">${failure(error)}</p>`
        : result
          ? html`<p class="verdict ${result.verdict === "holds" ? "good" : "bad"}">${result.verdict === "holds" ? t("as the catalogue expects of {store}", { store: result.store }) : result.verdict === "fails" ? t("not what the catalogue expects of {store}", { store: result.store }) : fromServer(result.verdict)}</p>
            <p><a href=${`#/runs?run=${encodeURIComponent(result.run)}`}>${t("The run, with all its records")}</a> · <a href=${`#/scenarios?scenario=${encodeURIComponent(asked.target)}&store=${asked.strategy ?? result.strategy}&schedule=${encodeURIComponent(byHand ?? "")}`}>${t("This order in the scenario")}</a></p>`
          : html`<p class="busy">${words}</p>`
    }
    ${job.value?.ended ? html`<button @click=${() => setParameter("job", "")}>${t("Close")}</button>` : html`<button @click=${stop}>${t("Stop")}</button>`}
  </div>`;
}

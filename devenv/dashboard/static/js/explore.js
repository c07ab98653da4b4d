/** The search for failing orders, live: how far it is, what it has found, and the order of each kind of violation. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { chart } from "./charts.js";
import { failure, job, progressWords, reported, start, stop } from "./jobs.js";
import { parameter, route } from "./route.js";
import { overview } from "./state.js";
import { violations } from "./violations.js";
import { fromServer, t } from "./words.js";

const wish = signal({ target: "R+W+E", strategy: "guide" });

/** What the address asks for. */
function take() {
  const target = parameter("target");
  if (route.value.view === "explore" && target) wish.value = { target, strategy: parameter("strategy") || "guide" };
}

take();
addEventListener("hashchange", take);

/** @param {Event} event */
function value(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}

function progress() {
  const searching = job.value?.reports.filter((report) => report.moment === "searching" || report.moment === "shrinking") ?? [];
  const last = searching[searching.length - 1];
  const moment = job.value?.reports.findLast((report) => "moment" in report || "progress" in report);
  const words = moment?.moment === "confirming" ? t("confirming {kind} on real pods", { kind: fromServer(moment.kind, `cause:${moment.kind}`) }) : moment?.moment ? t(moment.moment) : progressWords();
  return html`<p role="status">${job.value?.ended ? "" : html`<span class="busy">${words}</span> <button @click=${stop}>${t("Stop: keep what is there")}</button>`}</p>
    ${last ? html`<p><b class="big">${last.traces}</b> ${t("orders tried")} · ${Object.entries(last.kinds).map(([kind, count]) => html`<span class="label bad">${fromServer(kind, `cause:${kind}`)} ${count ?? ""}</span> `)}${Object.keys(last.kinds).length ? "" : t("no violation so far")}</p>` : ""}
    ${searching.length > 2 ? chart(t("orders tried"), searching.map((_, index) => index), [{ label: t("orders tried"), values: searching.map((report) => report.traces), tone: "accent" }, { label: t("that violate something"), values: searching.map((report) => /** @type {number[]} */ (Object.values(report.kinds)).reduce((sum, one) => sum + (one ?? 0), 0)), tone: "bad" }], t("report")) : ""}`;
}

/** The view. */
export function exploreView() {
  const result = job.value?.asked.verb === "explore" ? reported("result") : null;
  const error = job.value?.asked.verb === "explore" ? reported("error") : null;
  return html`<section class="card" aria-labelledby="explore-title">
    <h2 id="explore-title">${t("Explore")}</h2>
    <p>${t("Try every order in which simultaneous answers' Redis commands can run. R: right, W: wrong, E: empty, X: the session expires.")}</p>
    <div class="fields">
      <label>${t("what meets")} <input id="explore-target" .value=${wish.value.target} @change=${(/** @type {Event} */ event) => (wish.value = { ...wish.value, target: value(event) })} /></label>
      <label>${t("strategy")} <select @change=${(/** @type {Event} */ event) => (wish.value = { ...wish.value, strategy: value(event) })}>${["guide", "atomic", "watch", "getdel", "incr"].map((one) => html`<option .selected=${one === wish.value.strategy}>${one}</option>`)}</select></label>
      <button class="primary" id="explore-run" ?disabled=${!overview.value?.restarts || (job.value !== null && !job.value.ended)} @click=${() => start({ verb: "explore", ...wish.value, budget_seconds: 120 })}>${t("Find a failing order")}</button>
    </div>
    <p class="quiet">${t("The same in a terminal:")} <code>devenv explore ${wish.value.target} --strategy ${wish.value.strategy}</code></p>
    ${job.value?.asked.verb === "explore" ? progress() : ""}
    ${error ? html`<p class="bad">${failure(error)}</p>` : ""}
    ${result ? violations(result) : ""}
  </section>`;
}

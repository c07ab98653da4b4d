/** What can be changed while the stack runs: stores, policy, TTL, faults of mock ML, Redis and pods. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { act } from "./api.js";
import { ask } from "./dialog.js";
import { letter } from "./rows.js";
import { settled } from "./settled.js";
import { during, overview } from "./state.js";
import { t } from "./words.js";

/** @import {Pod} from "./types.js" */

const STORES = ["memory", "guide", "atomic", "watch", "getdel", "incr"];
/** What all pods can be set to at once. @type {[string, string][]} */
const WAYS = [
  ["memory", "USE_REDIS=false"],
  ["guide", "USE_REDIS=true, guide"],
  ["atomic", "USE_REDIS=true, atomic"],
];
/** Pods have a letter each. */
const MOST_PODS = 26;
/** Seconds. */
const MOST_TTL = 3600;
const POLICIES = ["round-robin", "random", "least-in-flight", "source-hash", "cookie-sticky", "per-connection"];

/** @param {Event} event */
function value(event) {
  return /** @type {HTMLInputElement|HTMLSelectElement} */ (event.target).value;
}

/** Let pods (none named: all) keep their sessions elsewhere. @param {string[]} pods @param {string} store */
async function setStore(pods, store) {
  const body = { pods, use_redis: store !== "memory", ...(store === "memory" ? {} : { strategy: store }) };
  const words = pods.length === 1 ? t("restarting pod {pod} with the {store} store", { pod: letter(pods[0] ?? null), store }) : t("restarting the pods with the {store} store", { store });
  await during(words, () => act("POST", "/dashboard/pods", body));
}

/** Add and remove pods. @param {string} change A number of pods, `+1` or `-b`. @param {string} words */
async function scale(change, words) {
  await during(words, () => act("PUT", "/dashboard/pods", { change }));
}

/** Have so many pods; asks where that removes one. @param {HTMLInputElement} input @param {Pod[]} pods */
function setNumber(input, pods) {
  const count = Number(input.value);
  const gone = pods.slice(count).map((pod) => letter(pod.name));
  input.value = String(pods.length); // until it is so
  if (!Number.isInteger(count) || count < 1 || count > MOST_PODS || count === pods.length) return;
  if (gone.length === 0) void scale(String(count), t("adding pods"));
  else askRemoval(gone.join(", "), String(count));
}

/** @param {string} names @param {string} change */
function askRemoval(names, change) {
  ask(t("Remove pod {pod}? It gets no request from now on, ends what it has under way, and what its memory holds is lost.", { pod: names }), t("Remove pod {pod}", { pod: names }), () => void scale(change, t("removing pod {pod}", { pod: names })));
}

/** Who may choose, as `PUT /policy` takes it: the proxy's policies, and those of the balancers that are installed. */
const choosers = signal(POLICIES);

async function refreshChoosers() {
  const answer = await act("GET", "/policy");
  if (answer) choosers.value = answer.policies;
}

/** @param {string} policy @param {boolean} restarts */
async function setPolicy(policy, restarts) {
  const named = restarts && POLICIES.includes(policy) ? `proxy:${policy}` : policy;
  await during(t("setting the policy"), () => act("PUT", "/policy", { policy: named }));
}

/** The choosers, the proxy's policies first; those that take an argument are not for a list. @param {string} present */
function chooserOptions(present) {
  const others = choosers.value.filter((one) => one.includes(":") && !one.startsWith("proxy:"));
  const all = [...POLICIES, ...others];
  const known = all.includes(present) ? all : [...all, present];
  return known.map((one) => html`<option .selected=${one === present}>${one}</option>`);
}

/** Restart the pods with another time to live; what is none is taken back. @param {HTMLInputElement} input @param {string} now */
async function setTtl(input, now) {
  const wished = Number(input.value);
  input.value = now; // until it is so
  if (!Number.isInteger(wished) || wished < 1 || wished > MOST_TTL || String(wished) === now) return;
  await during(t("restarting the pods with another TTL"), () => act("POST", "/dashboard/pods", { settings: { CAPTCHA_TTL: String(wished) } }));
}

/** @param {string} action */
async function redis(action) {
  await during(`Redis: ${t(action)}`, () => act("POST", `/dashboard/redis/${action}`));
}

/** @param {string} pod @param {string} action */
async function podAction(pod, action) {
  if (action === "restart") await during(t("restarting pod {pod}", { pod: letter(pod) }), () => act("POST", "/dashboard/pods", { pods: [pod] }));
  else await during(t("pod {pod}: {action}", { pod: letter(pod), action: t(action) }), () => act("POST", `/dashboard/pods/${encodeURIComponent(pod)}/${action}`));
}

/** @param {Pod} pod @param {string} store @param {boolean} restarts @param {boolean} alone Whether it is the only pod. */
function podLine(pod, store, restarts, alone) {
  const name = letter(pod.name);
  return html`<li>
    <span class="podname">${name}</span>
    <label class="switch"><input type="checkbox" role="switch" class="use-redis" data-pod=${name} aria-label=${t("USE_REDIS of pod {pod}", { pod: name })} .checked=${store !== "memory"} ?disabled=${!restarts}
      @change=${(/** @type {Event} */ event) => setStore([pod.name], /** @type {HTMLInputElement} */ (event.target).checked ? (pod.settings.SESSION_STRATEGY ?? "atomic") : "memory")} /> USE_REDIS</label>
    <select aria-label=${t("Store of pod {pod}", { pod: name })} ?disabled=${!restarts} @change=${(/** @type {Event} */ event) => setStore([pod.name], value(event))}>
      ${STORES.map((one) => html`<option value=${one} .selected=${one === store}>${one}</option>`)}
    </select>
    ${
      restarts
        ? html`<span class="tools">
            <button aria-label=${t("Restart pod {pod}", { pod: name })} @click=${() => podAction(pod.name, "restart")}>${t("Restart")}</button>
            <button aria-label=${t("Pause pod {pod}", { pod: name })} ?disabled=${pod.state !== "running"} @click=${() => podAction(pod.name, "pause")}>${t("Pause")}</button>
            <button aria-label=${t("Resume pod {pod}", { pod: name })} ?disabled=${pod.state !== "paused"} @click=${() => podAction(pod.name, "resume")}>${t("Resume")}</button>
            <button class="danger" aria-label=${t("Kill pod {pod}", { pod: name })} @click=${() => ask(t("Kill pod {pod}? What its memory holds is lost, and it stays down until it is restarted.", { pod: name }), t("Kill pod {pod}", { pod: name }), () => podAction(pod.name, "kill"))}>${t("Kill")}</button>
            <button class="danger" aria-label=${t("Remove pod {pod}", { pod: name })} ?disabled=${alone} @click=${() => askRemoval(name, `-${name}`)}>${t("Remove")}</button>
          </span>`
        : ""
    }
  </li>`;
}

const rule = signal({ action: "delay", command: "", seconds: "1" });
export const rules = signal(/** @type {{id: string, action: string, matched: number, applied: number}[]} */ ([]));

export async function refreshRules() {
  const answer = await act("GET", "/rules");
  if (answer) rules.value = answer.rules;
}

async function addRule() {
  const { action, command, seconds } = rule.value;
  const timed = action === "delay" || action === "hold";
  await act("POST", "/rules", { action, ...(command ? { command } : {}), ...(timed ? { seconds: Number(seconds) } : {}) });
  await refreshRules();
}

/** @param {string} id */
async function removeRule(id) {
  await act("DELETE", `/rules?id=${encodeURIComponent(id)}`);
  await refreshRules();
}

function gateRules() {
  return html`<details class="rules" @toggle=${refreshRules}>
    <summary>${t("Gate rules")}${rules.value.length ? ` (${rules.value.length})` : ""}</summary>
    <div class="fields">
      <label>${t("action")} <select @change=${(/** @type {Event} */ event) => (rule.value = { ...rule.value, action: value(event) })}>
        ${["delay", "hold", "error", "drop-request", "drop-reply", "disconnect", "blackhole"].map((one) => html`<option .selected=${one === rule.value.action}>${one}</option>`)}
      </select></label>
      <label>${t("command")} <input placeholder=${t("all")} size="8" .value=${rule.value.command} @input=${(/** @type {Event} */ event) => (rule.value = { ...rule.value, command: value(event) })} /></label>
      <label>${t("seconds")} <input type="number" min="0" max="300" step="0.1" size="4" .value=${rule.value.seconds} @input=${(/** @type {Event} */ event) => (rule.value = { ...rule.value, seconds: value(event) })} /></label>
      <button @click=${addRule}>${t("Add the rule")}</button>
    </div>
    <ul>${rules.value.map((one) => html`<li><code>${one.id}</code> <span class="quiet">${t("applied to {applied} of {matched}", { applied: one.applied, matched: one.matched })}</span> <button aria-label=${t("Remove rule {rule}", { rule: one.id })} @click=${() => removeRule(one.id)}>${t("Remove")}</button></li>`)}</ul>
  </details>`;
}

/** What was asked of mock ML and is not in the overview yet; null where nothing is. @type {{latency_ms: number, error_rate: number}|null} */
let asked = null;

function mlFaults() {
  const active = overview.value?.ml_faults?.rules.find((one) => one.endpoint === "*");
  const latency = asked?.latency_ms ?? active?.latency_ms ?? 0;
  const errors = asked?.error_rate ?? active?.error_rate ?? 0;
  /** Change one of both; the other stays as it was asked for last. @param {Partial<{latency_ms: number, error_rate: number}>} change */
  const put = async (change) => {
    const wished = (asked = { latency_ms: latency, error_rate: errors, ...asked, ...change });
    await during(t("setting mock ML"), () => act("PUT", "/dashboard/ml", wished));
    if (asked === wished) asked = null;
  };
  return html`<div class="fields">
    <label>${t("mock ML latency, ms")} <input type="number" min="0" max="60000" step="100" size="6" .value=${settled(String(latency))} @change=${(/** @type {Event} */ event) => put({ latency_ms: Number(value(event)) })} /></label>
    <label>${t("errors")} <select @change=${(/** @type {Event} */ event) => put({ error_rate: Number(value(event)) })}>
      ${[0, 0.1, 0.5, 1].map((share) => html`<option value=${share} .selected=${share === errors}>${share * 100} %</option>`)}
    </select></label>
  </div>`;
}

/** The panel. */
export function controlsPanel() {
  const seen = overview.value;
  if (seen === null) return html`<section class="card controls"></section>`;
  const kept = new Set(Object.values(seen.stores));
  const all = kept.size === 1 ? [...kept][0] : "";
  const running = seen.redis_state === "running";
  const ttl = seen.pods[0]?.settings.CAPTCHA_TTL ?? "60";
  return html`<section class="card controls" aria-labelledby="stack-title">
    <h2 id="stack-title">${t("The stack")} <span class="quiet">${seen.backend}</span></h2>
    ${
      seen.restarts
        ? html`<div class="buttons all">
            ${WAYS.map(([store, words]) => html`<button id=${`all-${store}`} class=${all === store ? "primary" : ""} aria-pressed=${all === store ? "true" : "false"} @click=${() => setStore([], store)}>${words}</button>`)}
          </div>`
        : html`<p class="hint">${t("A container cannot restart its neighbours. In a terminal:")} <code>devenv toggle on --backend compose</code>, <code>devenv toggle off --backend compose</code>, <code>devenv scale 3 --backend compose</code>, <code>docker compose pause redis</code>, <code>devenv up --backend compose --balancer nginx</code></p>`
    }
    <ul class="pods">${seen.pods.map((pod) => podLine(pod, seen.stores[pod.name] ?? "memory", seen.restarts, seen.pods.length === 1))}</ul>
    <div class="fields">
      <label>${t("number of pods")} <input id="pods" type="number" min="1" max=${MOST_PODS} size="3" .value=${settled(String(seen.pods.length))} ?disabled=${!seen.restarts} @change=${(/** @type {Event} */ event) => setNumber(/** @type {HTMLInputElement} */ (event.target), seen.pods)} /></label>
      <button id="add-pod" ?disabled=${!seen.restarts || seen.pods.length >= MOST_PODS} @click=${() => scale("+1", t("adding pods"))}>${t("Add a pod")}</button>
      <label>${t("policy or balancer")} <select id="policy" @focus=${refreshChoosers} @change=${(/** @type {Event} */ event) => setPolicy(value(event), seen.restarts)}>${chooserOptions(seen.policy)}</select></label>
      <label>${t("TTL, s")} <input id="ttl" type="number" min="1" max=${MOST_TTL} size="5" .value=${settled(ttl)} ?disabled=${!seen.restarts} @change=${(/** @type {Event} */ event) => setTtl(/** @type {HTMLInputElement} */ (event.target), ttl)} /></label>
    </div>
    ${mlFaults()}
    ${
      seen.restarts
        ? html`<div class="fields"><span>Redis ${seen.redis_state === "running" ? "" : html`<strong class="bad">${t(seen.redis_state)}</strong>`}</span>
            <button ?disabled=${!running} @click=${() => redis("pause")}>${t("Pause Redis")}</button>
            <button ?disabled=${seen.redis_state !== "paused"} @click=${() => redis("resume")}>${t("Resume Redis")}</button>
            <button class="danger" ?disabled=${seen.redis_state === "stopped"} @click=${() => ask(t("Kill Redis? Every session in it is lost."), t("Kill Redis"), () => void redis("stop"))}>${t("Kill Redis")}</button>
            <button ?disabled=${seen.redis_state !== "stopped"} @click=${() => redis("start")}>${t("Start Redis")}</button>
          </div>`
        : ""
    }
    ${seen.spec.gate ? gateRules() : ""}
  </section>`;
}

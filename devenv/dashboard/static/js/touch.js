/** Holding messages at the gate and letting them go: next, one step, one of them, in another order, without reply. */

import { html } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { computed, signal } from "../vendor/signals-core/signals-core.module.js";
import { act, call } from "./api.js";
import { letter, shortKey } from "./rows.js";
import { parameter, setParameter } from "./route.js";
import { during, held, now, podNames, pods, timeoutOf, underWay } from "./state.js";
import { t } from "./words.js";

/** @import {Held} from "./types.js" */

const RULE = "page:hold";
/** The gate's own limit of a hold, in seconds. */
const HOLD_SECONDS = 120;
/** How long a pod should wait for Redis while a person decides, in milliseconds. */
const PATIENT_MS = 60_000;

/** Whether every command is held until it is let go. */
export const holding = signal(false);
/**
 * Where a run was rewound to a step: the requests' names by the numbers of their held commands, the order so far, and
 * how it is shown (see branch.js); null where none is.
 * @type {import("../vendor/signals-core/signals-core.module.js").Signal<{names: Record<number, string>, schedule: string, draw: () => unknown}|null>}
 */
export const branching = signal(null);
/** The order in which the held are to go, by number; what is not in it comes after, oldest first. */
const wanted = signal(/** @type {number[]} */ ([]));

/** The held messages in the order in which they are to go. */
export const queue = computed(() => {
  const place = new Map(wanted.value.map((seq, index) => [seq, index]));
  return [...held.value].sort((one, other) => (place.get(one.seq) ?? 1e9) - (place.get(other.seq) ?? 1e9) || one.seq - other.seq);
});

/** @returns {Promise<void>} */
export async function refreshHolding() {
  try {
    const { rules } = await call("GET", "/rules");
    holding.value = rules.some((/** @type {{id: string}} */ rule) => rule.id === RULE);
  } catch {
    holding.value = false;
  }
}

/** Hold every command of the pods' work from now on, or stop doing so and let all go. @param {boolean} on */
export async function setHolding(on) {
  if (on) {
    await act("POST", "/rules", { action: "hold", seconds: HOLD_SECONDS, id: RULE });
  } else {
    await act("DELETE", `/rules?id=${encodeURIComponent(RULE)}`);
  }
  await refreshHolding();
}

/** Hold the next command, and only that. */
export async function holdNext() {
  await act("POST", "/rules", { action: "hold", seconds: HOLD_SECONDS, times: 1, id: `${RULE}:next` });
}

/** The request that a held message belongs to: the one under way at its pod, as long as that is but one. @param {Held} message */
function requestOf(message) {
  const known = branching.value?.names[message.seq];
  if (known) return known;
  const open = underWay.value.filter((exchange) => exchange.pod === message.pod);
  const only = open.length === 1 ? open[0] : undefined;
  const name = only?.request_id.match(/^page-([a-z]+)-/)?.[1];
  return name ?? letter(message.pod);
}

/** @param {Held} message @param {"pass"|"lose-reply"} then */
export async function release(message, then = "pass") {
  const word = `${requestOf(message)}:${message.command.split(" ")[0]}${then === "pass" ? "" : "!lost"}`;
  const answer = await act("POST", "/release", { seq: message.seq, then });
  if (answer?.released.length && branching.value === null) {
    const steps = parameter("schedule").replace(/^v1\s*/, "");
    setParameter("schedule", `v1 ${steps}${steps ? " " : ""}${word}`);
  }
  return answer?.released.length ?? 0;
}

/** Let go the first of the queue. */
export async function step() {
  const [first] = queue.value;
  if (first !== undefined) await release(first);
}

/** Put a held message one place forward or back. @param {Held} message @param {number} by */
function shift(message, by) {
  const order = queue.value.map((one) => one.seq);
  const from = order.indexOf(message.seq);
  const to = Math.max(0, Math.min(order.length - 1, from + by));
  order.splice(from, 1);
  order.splice(to, 0, message.seq);
  wanted.value = order;
}

/** Give the pods time: a restart with a longer time-out. */
async function bePatient() {
  const changed = { settings: { REDIS_TIMEOUT_MS: String(PATIENT_MS) } };
  await during(t("restarting the pods with a longer time-out"), () => act("POST", "/dashboard/pods", changed));
}

let dragged = 0;

/** @param {Held} message @param {number} place */
function item(message, place) {
  const left = message.since + timeoutOf(message.pod) - now.value;
  const what = `${message.command}${message.key ? ` ${shortKey(message.key)}` : ""}`;
  const label = t("{what} of pod {pod}", { what, pod: letter(message.pod) });
  return html`<li
    class="heldrow"
    draggable="true"
    data-seq=${message.seq}
    @dragstart=${() => {
      dragged = message.seq;
    }}
    @dragover=${(/** @type {DragEvent} */ event) => event.preventDefault()}
    @drop=${(/** @type {DragEvent} */ event) => {
      event.preventDefault();
      const other = held.value.find((one) => one.seq === dragged);
      if (other) shift(other, place - queue.value.indexOf(other));
    }}
  >
    <span class="podname">${letter(message.pod)}</span>
    <span class="who">${requestOf(message)}</span>
    <code>${what}</code>
    <span class="quiet">${message.direction === "reply" ? t("its reply") : ""}</span>
    <span class="left ${left < 2 ? "bad" : ""}" title=${t("until the pod's own time-out")}>${left > 0 ? t("{left} s", { left: left.toFixed(0) }) : t("timed out")}</span>
    <span class="tools">
      <button aria-label=${t("Move {label} forward", { label })} ?disabled=${place === 0} @click=${() => shift(message, -1)}>↑</button>
      <button aria-label=${t("Move {label} back", { label })} ?disabled=${place === held.value.length - 1} @click=${() => shift(message, 1)}>↓</button>
      <button class="primary" aria-label=${t("Release {label}", { label })} @click=${() => release(message)}>${t("Release")}</button>
      <button aria-label=${t("Release {label} and lose the reply", { label })} @click=${() => release(message, "lose-reply")}>${t("Lose the reply")}</button>
    </span>
  </li>`;
}

/** The panel. */
export function touchPanel() {
  const branch = branching.value;
  const schedule = branch === null ? parameter("schedule") : branch.schedule;
  const impatient = podNames.value.some((pod) => timeoutOf(pod) < 10) && pods.value.length > 0;
  return html`<section class="card touch" aria-labelledby="touch-title">
    <header>
      <h2 id="touch-title">${t("Hold and release")}</h2>
      <label class="switch"><input type="checkbox" id="hold-all" .checked=${holding.value} @change=${(/** @type {Event} */ event) => setHolding(/** @type {HTMLInputElement} */ (event.target).checked)} /> ${t("Hold every command")}</label>
      <button @click=${holdNext}>${t("Hold the next command")} <kbd>n</kbd></button>
      <button ?disabled=${held.value.length === 0} @click=${step}>${t("Release the first")} <kbd>s</kbd></button>
    </header>
    ${branch === null ? "" : branch.draw()}
    ${
      impatient && branch === null
        ? html`<p class="hint">${t("A pod gives up on Redis after {seconds} s.", { seconds: timeoutOf(podNames.value[0] ?? "") })} <button class="link" @click=${bePatient}>${t("Restart the pods with 60 s")}</button></p>`
        : ""
    }
    <ol class="held" aria-label=${t("Held messages, in the order in which they are to go")} aria-live="polite">
      ${repeat(queue.value, (message) => message.seq, item)}
    </ol>
    ${held.value.length === 0 ? html`<p class="hint">${t("Nothing is held. Hold a command, then send two answers to one challenge: you decide which goes first.")}</p>` : ""}
    ${
      schedule
        ? html`<p class="schedule">
            <label for="schedule">${t("The order so far, for")} <code>devenv replay --schedule</code></label>
            <input id="schedule" readonly .value=${schedule} />
            ${branch === null ? html`<button @click=${() => setParameter("schedule", "")}>${t("Clear")}</button>` : ""}
          </p>`
        : ""
    }
  </section>`;
}

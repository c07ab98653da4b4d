/** What the page knows of the stack: everything that its views are made of. */

import { batch, computed, signal } from "../vendor/signals-core/signals-core.module.js";
import { call } from "./api.js";
import { Challenges } from "./challenges.js";
import { Records } from "./records.js";

/** @import {Exchange, Held, Overview, Row} from "./types.js" */

export const records = new Records();
export const challenges = new Challenges();

/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<Overview|null>} */
export const overview = signal(JSON.parse(document.getElementById("first-state")?.textContent ?? "null"));
/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<Held[]>} */
export const held = signal([]);
/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<Exchange[]>} */
export const underWay = signal([]);
/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<"connecting"|"open"|"lost">} */
export const connection = signal("connecting");
/** How many records were dropped on the way to this page. */
export const dropped = signal(0);
/** What is being done that takes a while, in words; empty where nothing is. */
export const busy = signal("");
/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<Row|null>} */
export const selected = signal(null);
/** Seconds since the epoch by the stack's clock; counts on four times a second. */
export const now = signal(Date.now() / 1000);
let ahead = 0;

/** The control process says what time it is. @param {number} seconds */
export function setClock(seconds) {
  ahead = seconds - Date.now() / 1000;
}

setInterval(() => {
  now.value = Date.now() / 1000 + ahead;
}, 250);

export const pods = computed(() => overview.value?.pods ?? []);
export const podNames = computed(() => pods.value.map((pod) => pod.name));

/** How long a pod waits for Redis, in seconds. @param {string} pod */
export function timeoutOf(pod) {
  const setting = pods.value.find((one) => one.name === pod)?.settings.REDIS_TIMEOUT_MS;
  return Number(setting ?? 2000) / 1000;
}

let asking = false;

/** Look at the stack anew. */
export async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const seen = await call("GET", "/dashboard/overview");
    batch(() => {
      overview.value = seen;
      records.addStack(seen.events);
      challenges.done(seen.events);
    });
  } catch {
    // The connection's own sign says that it is lost.
  } finally {
    asking = false;
  }
}

/**
 * Do something that takes a while, with words for it, and look at the stack anew.
 * @template T
 * @param {string} words
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function during(words, work) {
  busy.value = words;
  try {
    return await work();
  } finally {
    busy.value = "";
    await refresh();
  }
}

/** Replays and explorations that the page starts, and what they report while they are at work. */

import { signal } from "../vendor/signals-core/signals-core.module.js";
import { act, call, show } from "./api.js";
import { refresh } from "./state.js";

/** @typedef {{id: number, asked: any, ended: boolean, reports: any[], next: number}} Job */

/** The job that is shown, with all its reports. */
export const job = signal(/** @type {Job|null} */ (null));

/** @param {Record<string, unknown>} asked */
export async function start(asked) {
  const started = await act("POST", "/dashboard/jobs", asked);
  if (!started) return;
  job.value = started;
  await follow(started.id);
}

/** @param {number} id */
async function follow(id) {
  let next = 0;
  try {
    while (job.value?.id === id && !job.value.ended) {
      const more = await call("GET", `/dashboard/jobs/${id}?since=${next}&wait=10`);
      next = more.next;
      if (job.value?.id === id) job.value = { ...more, reports: [...job.value.reports, ...more.reports] };
    }
  } catch (error) {
    show(error);
  }
  await refresh();
}

export async function stop() {
  if (job.value) await act("DELETE", `/dashboard/jobs/${job.value.id}`);
}

/** The last report that has this field. @param {string} field */
export function reported(field) {
  return job.value?.reports.findLast((report) => field in report)?.[field] ?? null;
}

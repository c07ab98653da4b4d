/** Replays and explorations that the page starts, and what they report while they are at work. */

import { signal } from "../vendor/signals-core/signals-core.module.js";
import { act, call, show } from "./api.js";
import { refresh } from "./state.js";
import { fromServer, t } from "./words.js";

/** @typedef {{id: number, asked: any, ended: boolean, reports: any[], next: number}} Job */

/** The job that is shown, with all its reports. */
export const job = signal(/** @type {Job|null} */ (null));

/** Start a job and follow it to its end. @param {Record<string, unknown>} asked @param {(id: number) => void} [started] Told its number. */
export async function start(asked, started) {
  const begun = await act("POST", "/dashboard/jobs", asked);
  if (!begun) return;
  job.value = begun;
  started?.(begun.id);
  await follow(begun.id);
}

/** Follow a job that was started before. @param {number} id */
export async function resume(id) {
  job.value = { id, asked: {}, ended: false, reports: [], next: 0 };
  await follow(id);
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

/** What a job failed with, and what to do about it. @param {{detail: string, hint: string|null}} error */
export function failure(error) {
  return `${fromServer(error.detail)}${error.hint ? ` (${fromServer(error.hint)})` : ""}`;
}

/** How far the job is, in words. */
export function progressWords() {
  const line = reported("progress");
  return line === null ? t("starting") : fromServer(line);
}

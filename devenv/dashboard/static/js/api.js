/** Calls of the control API. What changes state carries the page's token. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

const token = document.querySelector('meta[name="devenv-token"]')?.getAttribute("content") ?? "";

/** What went wrong last, for the banner; null where nothing did. */
export const problem = signal(/** @type {{detail: string, hint: string|null}|null} */ (null));

export class Refused extends Error {
  /** @param {string} detail @param {string|null} hint */
  constructor(detail, hint) {
    super(detail);
    this.hint = hint;
  }
}

/**
 * One call; gives the answer's JSON, or throws Refused.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  /** @type {RequestInit} */
  const options = { method, headers: { "X-Devenv-Token": token } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "X-Devenv-Token": token, "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused("the control API does not answer", "does the stack run? devenv status");
  }
  const data = await response.json().catch(() => null);
  if (!response.ok) {
    const detail = typeof data?.detail === "string" ? data.detail : `HTTP ${response.status}`;
    throw new Refused(detail, data?.hint ?? null);
  }
  return data;
}

/**
 * As call, and shows what went wrong in the banner; gives undefined then.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function act(method, path, body) {
  try {
    const answer = await call(method, path, body);
    problem.value = null;
    return answer;
  } catch (error) {
    show(error);
    return undefined;
  }
}

/** @param {unknown} error */
export function show(error) {
  const refused = error instanceof Refused;
  problem.value = { detail: error instanceof Error ? error.message : String(error), hint: refused ? error.hint : null };
}

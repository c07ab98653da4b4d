/** Calls of the control API. What changes state carries the page's token. */

import { signal } from "../vendor/signals-core/signals-core.module.js";
import { t } from "./words.js";

let token = document.querySelector('meta[name="devenv-token"]')?.getAttribute("content") ?? "";

/** What went wrong last, for the banner; null where nothing did. */
export const problem = signal(/** @type {{detail: string, hint: string|null}|null} */ (null));

export class Refused extends Error {
  /** @param {string} detail @param {string|null} hint */
  constructor(detail, hint) {
    super(detail);
    this.hint = hint;
  }
}

/** How long to wait before each further try of a call that was broken off, in milliseconds. */
const AGAIN_MS = [100, 200, 400, 800];

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Send a request; what is broken off on the way is sent again, with the same key, so that it is done once: a browser
 * breaks off everything when a network of the machine comes or goes, as Docker's do.
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<{status: number, text: string}>}
 */
async function deliver(path, options) {
  for (const wait of [...AGAIN_MS, null]) {
    try {
      const response = await fetch(path, options);
      return { status: response.status, text: await response.text() };
    } catch {
      if (wait !== null) await pause(wait);
    }
  }
  throw new Refused(t("the control API does not answer"), t("does the stack run? devenv status"));
}

/** Another control process answers now: take its token from its page. */
export async function renewToken() {
  const { text } = await deliver("/", {});
  token = text.match(/name="devenv-token" content="([\w-]+)"/)?.[1] ?? token;
}

let count = 0;
const page = crypto.getRandomValues(new Uint32Array(2)).join("-");

/**
 * One call; gives the answer's JSON, or throws Refused.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { "X-Devenv-Token": token };
  if (method !== "GET") headers["Idempotency-Key"] = `${page}-${(count += 1)}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const { status, text } = await deliver(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  let data = null;
  try {
    data = JSON.parse(text);
  } catch {
    // An answer that is not JSON has no detail to show.
  }
  if (status >= 400) {
    throw new Refused(detailOf(data?.detail) || `HTTP ${status}`, data?.hint ?? null);
  }
  return data;
}

/** Why a call was refused: one sentence, or FastAPI's list with a field and a message each. @param {any} detail @returns {string} */
function detailOf(detail) {
  if (!Array.isArray(detail)) return typeof detail === "string" ? detail : "";
  return detail.map((one) => `${one.loc?.slice(1).join(".")}: ${one.msg}`).join("; ");
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
    if (method !== "GET") problem.value = null; // a look at something else must not take an error away
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

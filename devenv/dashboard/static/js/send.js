/** Requests of a scripted visitor: a challenge, and right, wrong or empty answers to it, at a pod of one's choice. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { call, show } from "./api.js";
import { letter, short } from "./rows.js";
import { busy, overview, podNames, records } from "./state.js";
import { t } from "./words.js";

export const KINDS = [
  { kind: "abstract", create: "/api/abstract-captcha", verify: "/api/abstract-verify", name: "Images" },
  { kind: "imagegrid", create: "/api/imagecaptcha-challenge", verify: "/api/imagecaptcha-verify", name: "Image grid" },
  { kind: "handwriting", create: "/api/handwriting-challenge", verify: "/api/handwriting-verify", name: "Handwriting" },
];

/** @typedef {{status: number, pod: string|null, seconds: number, body: any}} Answered */
/** @typedef {{kind: string, challenge: any, pod: string|null}} Current */

const kind = signal("abstract");
const pod = signal("");
export const current = signal(/** @type {Current|null} */ (null));
const last = signal("");
let count = 0;

/** Who waits for the answer to which request. @type {Map<string, {resolve: (answer: Answered) => void, reject: (error: unknown) => void}>} */
const waiting = new Map();
let collecting = false;

/**
 * Send one request through the proxy. The answers of all come by one call at a time: requests that are held must not
 * take the browser's few connections.
 * @param {string} name
 * @param {string} path
 * @param {unknown} body
 * @param {string} at
 * @returns {Promise<Answered>}
 */
export async function send(name, path, body, at = "") {
  count += 1;
  const id = `page-${name}-${count}-${Math.random().toString(36).slice(2, 8)}`;
  const answered = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  try {
    const { after } = await call("POST", "/dashboard/send", { path, body, pod: at || null, request_id: id });
    void collect(after);
  } catch (error) {
    waiting.delete(id);
    throw error;
  }
  return answered;
}

/** @param {number} after */
async function collect(after) {
  if (collecting) return;
  collecting = true;
  try {
    let known = after;
    while (waiting.size > 0) {
      const { sent, latest } = await call("GET", `/dashboard/sent?after=${known}&wait=10`);
      known = latest;
      for (const answer of sent) {
        const who = waiting.get(answer.request_id);
        if (answer.error) who?.reject(new Error(answer.error));
        else who?.resolve(answer);
        waiting.delete(answer.request_id);
      }
    }
  } catch (error) {
    for (const who of waiting.values()) who.reject(error);
    waiting.clear();
  } finally {
    collecting = false;
  }
}

/** @param {string} word */
export function routes(word) {
  return /** @type {typeof KINDS[number]} */ (KINDS.find((one) => one.kind === word));
}

/** @param {string} of @param {string} at @returns {Promise<Current|null>} */
export async function create(of, at = "") {
  const made = await send("create", routes(of).create, {}, at);
  if (made.status !== 200) {
    show(new Error(t("no challenge: {why}", { why: `${made.status} ${made.body?.detail ?? ""}` })));
    return null;
  }
  return { kind: of, challenge: made.body, pod: made.pod };
}

/** @param {Current} about @param {string} answer @param {string} name @param {string} at @returns {Promise<Answered>} */
async function verify(about, answer, name, at) {
  const fields = await call("POST", "/dashboard/answer", { kind: about.kind, challenge: about.challenge, answer });
  const id = about.challenge.challenge_id;
  return send(name, routes(about.kind).verify, { ...(id ? { challenge_id: id } : {}), ...fields }, at);
}

async function newChallenge() {
  try {
    current.value = await create(kind.value, pod.value);
    if (current.value) last.value = t("challenge {id} made by pod {pod}", { id: short(current.value.challenge.challenge_id), pod: letter(current.value.pod) });
  } catch (error) {
    show(error);
  }
}

/** @param {string} answer @param {string} name */
async function answerCurrent(answer, name) {
  const about = current.value;
  if (about === null) return;
  const at = pod.value;
  last.value = t("{name}: on its way", { name: t(name) });
  try {
    const got = await verify(about, answer, name, at);
    const words = got.body?.message ?? (got.body?.success === true ? t("passed") : got.body?.success === false ? t("wrong") : (got.body?.detail ?? got.status));
    last.value = t("{name} at pod {pod}: {words}", { name: t(name), pod: letter(got.pod), words });
  } catch (error) {
    show(error);
  }
}

async function tenVisitors() {
  let passed = 0;
  let lost = 0;
  try {
    for (let visitor = 1; visitor <= 10; visitor += 1) {
      const about = await create(kind.value);
      if (about === null) return;
      const got = await verify(about, "right", "visitor", "");
      if (got.body?.success === true) passed += 1;
      if (got.body?.message === "Challenge not found") lost += 1;
      last.value = t('{visitor} visitors with the right answer: {passed} passed, {lost} got "Challenge not found"', { visitor, passed, lost });
    }
  } catch (error) {
    show(error);
  }
}

/** The panel; a user-provided service sends its own requests. */
export function sendPanel() {
  if (overview.value?.spec.service) {
    return html`<section class="card send"><h2>${t("Send requests")}</h2><p class="hint">${t("Requests of your own client appear here; send them to")} <code>${overview.value.endpoints.traffic}</code></p></section>`;
  }
  const none = current.value === null;
  return html`<section class="card send" aria-labelledby="send-title">
    <h2 id="send-title">${t("Send requests")}</h2>
    <div class="fields">
      <label>${t("captcha")} <select id="send-kind" @change=${(/** @type {Event} */ event) => (kind.value = /** @type {HTMLSelectElement} */ (event.target).value)}>
        ${KINDS.map((one) => html`<option value=${one.kind} ?selected=${one.kind === kind.value}>${t(one.name)}</option>`)}
      </select></label>
      <label>${t("pod")} <select id="send-pod" @change=${(/** @type {Event} */ event) => (pod.value = /** @type {HTMLSelectElement} */ (event.target).value)}>
        <option value="">${t("as the proxy chooses")}</option>
        ${podNames.value.map((name) => html`<option value=${name} ?selected=${name === pod.value}>${letter(name)}</option>`)}
      </select></label>
    </div>
    <div class="buttons">
      <button class="primary" id="send-create" @click=${newChallenge}>${t("New challenge")}</button>
      <button id="send-right" ?disabled=${none} @click=${() => answerCurrent("right", "solve")}>${t("Right answer")}</button>
      <button id="send-wrong" ?disabled=${none} @click=${() => answerCurrent("wrong", "guess")}>${t("Wrong answer")}</button>
      <button id="send-empty" ?disabled=${none} @click=${() => answerCurrent("empty", "empty")}>${t("Empty answer")}</button>
      <button id="send-ten" ?disabled=${busy.value !== ""} @click=${tenVisitors}>${t("Ten visitors")}</button>
    </div>
    <p class="last" role="status" id="send-last">${last.value || (records.rows.length ? "" : t("Start here: Ten visitors, each with the right answer, and see which pod loses them."))}</p>
  </section>`;
}


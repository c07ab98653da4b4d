/** The three captchas, solved by a person through the proxy: which pod created, which verified. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { show } from "./api.js";
import { along, clear, down, picture } from "./draw.js";
import { parameter, setParameter } from "./route.js";
import { letter } from "./rows.js";
import { create, KINDS, routes, send } from "./send.js";
import { now, overview, podNames } from "./state.js";
import { fromServer, language, t } from "./words.js";

/** @import {Answered} from "./send.js" */

const current = signal(/** @type {{kind: string, challenge: any, pod: string|null, made: number}|null} */ (null));
const chosen = signal(/** @type {Set<number>} */ (new Set()));
const result = signal(/** @type {Answered|null} */ (null));
const at = signal("");

/** @param {string} kind */
async function begin(kind) {
  setParameter("captcha", kind);
  result.value = null;
  chosen.value = new Set();
  try {
    const made = await create(kind, at.value);
    current.value = made && { ...made, made: now.value };
  } catch (error) {
    show(error);
  }
}

/** @param {number} id */
function toggle(id) {
  const next = new Set(chosen.value);
  if (!next.delete(id)) next.add(id);
  chosen.value = next;
}

async function answer() {
  const about = current.value;
  if (about === null) return;
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.getElementById("paper"));
  const fields = about.kind === "handwriting" ? { image_base64: canvas ? picture(canvas) : "" } : { selections: [...chosen.value].sort((one, other) => one - other) };
  const id = about.challenge.challenge_id;
  try {
    result.value = await send("try", routes(about.kind).verify, { ...(id ? { challenge_id: id } : {}), ...fields }, at.value);
  } catch (error) {
    show(error);
  }
}

/** What the challenge asks for, in the page's language. @param {any} challenge @param {string} kind */
function question(challenge, kind) {
  if (kind === "handwriting") return t("Write by hand the word that these samples show");
  const korean = challenge.keywords?.[0] ?? challenge.target_label;
  if (language.value === "ko") return challenge.question ?? `${korean}`;
  const word = challenge.target_class ?? challenge.target_label;
  return `${t(kind === "abstract" ? "Choose all pictures that show" : "Choose all cells that show")}: ${word}${korean !== word ? ` (${korean})` : ""}`;
}

/** @param {any} challenge */
function nine(challenge) {
  return html`<div class="nine" role="group" aria-label=${t("pictures")}>
    ${challenge.images.map(
      (/** @type {{id: number, url: string}} */ image, /** @type {number} */ index) => html`<button class="cell" aria-pressed=${chosen.value.has(image.id) ? "true" : "false"} aria-label=${t("picture {number}", { number: index + 1 })} @click=${() => toggle(image.id)}>
        <img src=${image.url} alt="" width="120" height="120" />
      </button>`,
    )}
  </div>`;
}

/** @param {any} challenge */
function grid(challenge) {
  const size = challenge.grid_size;
  return html`<div class="whole">
    <img src=${challenge.url} alt="" />
    <div class="over" .style=${`grid-template-columns: repeat(${size}, 1fr)`} role="group" aria-label=${t("cells")}>
      ${Array.from({ length: size * size }, (_, index) => html`<button class="cell" aria-pressed=${chosen.value.has(index + 1) ? "true" : "false"} aria-label=${t("cell {number}", { number: index + 1 })} @click=${() => toggle(index + 1)}></button>`)}
    </div>
  </div>`;
}

/** @param {any} challenge */
function handwriting(challenge) {
  return html`<div class="samples">${challenge.samples.map((/** @type {string} */ url, /** @type {number} */ index) => html`<img src=${url} alt=${t("sample {number}", { number: index + 1 })} width="110" height="110" />`)}</div>
    <canvas id="paper" width="640" height="220" aria-label=${t("paper to write on")} @pointerdown=${down} @pointermove=${along}></canvas>
    <button @click=${() => clear(/** @type {HTMLCanvasElement} */ (document.getElementById("paper")))}>${t("Clear")}</button>`;
}

/** @param {Answered} got */
function outcome(got) {
  const passed = got.body?.success === true;
  const made = current.value?.pod ?? null;
  return html`<div class="outcome ${passed ? "good" : "bad"}" role="status" id="outcome">
    <strong>${passed ? t("Passed") : (got.body?.message ?? (got.body?.detail ? fromServer(got.body.detail) : t("Not right")))}</strong>
    <p>${t("created by")}: <b>${letter(made)}</b> · ${t("verified by")}: <b>${letter(got.pod)}</b></p>
    <p>${made === got.pod ? t("The same pod did both.") : t("The pod that verified is not the pod that created.")}
    ${got.body?.message === "Challenge not found" ? html`<a href="#/live?why=all">${t("Why?")}</a>` : ""}</p>
  </div>`;
}

/** The view. */
export function tryView() {
  if (overview.value?.spec.service) return html`<section class="card"><p>${t("The pods run a service of your own: this view is for the captchas of the reference service.")}</p></section>`;
  const about = current.value;
  const left = about === null ? 0 : Math.max(0, about.made + (about.challenge.ttl ?? 60) - now.value);
  const wish = parameter("captcha");
  return html`<section class="card try" aria-labelledby="try-title">
    <h2 id="try-title">${t("Try it")}</h2>
    <div class="buttons">
      ${KINDS.map((one) => html`<button id=${`try-${one.kind}`} class=${wish === one.kind ? "primary" : ""} @click=${() => begin(one.kind)}>${t(one.name)}</button>`)}
      <label>${t("pod")} <select id="try-pod" @change=${(/** @type {Event} */ event) => (at.value = /** @type {HTMLSelectElement} */ (event.target).value)}>
        <option value="">${t("as the proxy chooses")}</option>
        ${podNames.value.map((name) => html`<option value=${name}>${letter(name)}</option>`)}
      </select></label>
    </div>
    ${
      about === null
        ? html`<p class="hint">${t("Choose a captcha and solve it: you see which pod made it and which pod verified your answer.")}</p>`
        : html`<div class="captcha">
            <h3 lang=${language.value}>${question(about.challenge, about.kind)}</h3>
            <p class="quiet">${t("created by")}: <b>${letter(about.pod)}</b> · ${left > 0 ? `${left.toFixed(0)} ${t("seconds left")}` : t("This challenge has run out.")}</p>
            ${about.kind === "abstract" ? nine(about.challenge) : about.kind === "imagegrid" ? grid(about.challenge) : handwriting(about.challenge)}
            <div class="buttons">
              <button class="primary" id="check" @click=${answer}>${t("Check my answer")}</button>
              <button @click=${() => begin(about.kind)}>${t("Another one")}</button>
            </div>
            ${result.value ? outcome(result.value) : ""}
          </div>`
    }
  </section>`;
}

/** Buttons and a slider that go forward and back through steps. */

import { html } from "../vendor/lit-html/lit-html.js";
import { t } from "./words.js";

/** @param {number} at How many steps are done. @param {number} count @param {(at: number) => void} go @param {string} name Of the group, for screen readers. */
export function stepper(at, count, go, name) {
  return html`<div class="stepper" role="group" aria-label=${name}>
    <button class="back" ?disabled=${at <= 0} @click=${() => go(at - 1)}>← ${t("step back")}</button>
    <input type="range" aria-label=${t("step")} min="0" max=${count} .value=${String(at)} @input=${(/** @type {Event} */ event) => go(Number(/** @type {HTMLInputElement} */ (event.target).value))} />
    <button class="forward" ?disabled=${at >= count} @click=${() => go(at + 1)}>${t("step")} →</button>
    <span class="quiet" role="status">${t("{shown} of {all}", { shown: at, all: count })}</span>
  </div>`;
}

/** The filters of a stream, kept in the page's address. */

import { html } from "../vendor/lit-html/lit-html.js";
import { letter } from "./rows.js";
import { parameter, setParameter } from "./route.js";
import { t } from "./words.js";

/** @import {Filter} from "./rows.js" */

/** @returns {Filter} */
export function filterOf() {
  return { search: parameter("q"), kind: parameter("kind"), pod: parameter("pod") };
}

/** @param {Event} event */
function value(event) {
  return /** @type {HTMLInputElement|HTMLSelectElement} */ (event.target).value;
}

const KINDS = [
  ["", "all"],
  ["exchange", "requests"],
  ["redis", "commands"],
  ["stack", "stack"],
  ["problems", "problems"],
];

/** @param {string[]} pods @param {string} count */
export function filterBar(pods, count) {
  return html`<div class="filters" role="search">
    <label class="search"><span class="hidden">${t("Search the stream")}</span><input id="search" type="search" placeholder=${`${t("Search the stream")}  /`} .value=${parameter("q")} @input=${(/** @type {Event} */ event) => setParameter("q", value(event))} /></label>
    <label><span class="hidden">${t("kind")}</span><select aria-label=${t("kind")} @change=${(/** @type {Event} */ event) => setParameter("kind", value(event))}>
      ${KINDS.map(([kind, name]) => html`<option value=${kind ?? ""} .selected=${kind === parameter("kind")}>${t(name ?? "")}</option>`)}
    </select></label>
    <label><span class="hidden">${t("pod")}</span><select aria-label=${t("pod")} @change=${(/** @type {Event} */ event) => setParameter("pod", value(event))}>
      <option value="">${t("pod")}: ${t("all")}</option>
      ${pods.map((pod) => html`<option value=${pod} .selected=${pod === parameter("pod")}>${letter(pod)}</option>`)}
    </select></label>
    <span class="quiet count">${count}</span>
  </div>`;
}

/** One question before something that destroys: the browser's own dialog element. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { t } from "./words.js";

/** @typedef {{question: string, yes: string, act: () => void}} Question */
const question = signal(/** @type {Question|null} */ (null));

/** Ask, and do it where the answer is yes. @param {string} words @param {string} yes @param {() => void} act */
export function ask(words, yes, act) {
  question.value = { question: words, yes, act };
  requestAnimationFrame(() => {
    const dialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("ask"));
    if (dialog && !dialog.open) dialog.showModal();
  });
}

function close() {
  /** @type {HTMLDialogElement|null} */ (document.getElementById("ask"))?.close();
}

/** The dialog's place in the page. */
export function dialog() {
  const asked = question.value;
  return html`<dialog id="ask" aria-labelledby="ask-words">
    <p id="ask-words">${asked?.question ?? ""}</p>
    <div class="buttons">
      <button @click=${close}>${t("Cancel")}</button>
      <button class="danger" @click=${() => {
        close();
        asked?.act();
      }}>${asked?.yes ?? ""}</button>
    </div>
  </dialog>`;
}

/** The value of a field, which a person may be writing in: what is written there is not overwritten. */

import { noChange } from "../vendor/lit-html/lit-html.js";
import { Directive, directive } from "../vendor/lit-html/directive.js";

class Settled extends Directive {
  /** @type {string|null} */
  _given = null;

  /** @param {string} value */
  render(value) {
    return value;
  }

  /** @param {any} part @param {any[]} values @returns {any} */
  update(part, [value]) {
    const field = /** @type {HTMLInputElement} */ (part.element);
    const written = document.activeElement === field && this._given !== null && field.value !== this._given;
    if (written && field.value !== value) return noChange;
    this._given = value;
    if (field.value !== value) field.value = value;
    return noChange;
  }
}

/** For `.value=`: the value that the stack has, unless the field has the focus and something else was written. */
export const settled = directive(Settled);

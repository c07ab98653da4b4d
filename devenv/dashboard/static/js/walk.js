/** What was recorded, in lanes, with filters, and step by step: of a run in the page, and in a report. */

import { html } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { detail } from "./detail.js";
import { filterBar, filterOf } from "./filters.js";
import { Lanes } from "./lanes.js";
import { parameter, setParameter } from "./route.js";
import { fits, rowsOf } from "./rows.js";
import { stepper } from "./stepper.js";
import { t } from "./words.js";

/** @import {Command, Exchange, Row, StackEvent} from "./types.js" */

export class Walk {
  constructor() {
    this._lanes = new Lanes();
    this._rows = signal(/** @type {Row[]} */ ([]));
    this._peeked = signal(/** @type {Row|null} */ (null));
    this._moved = signal(0);
    /** The row that was brought into sight last, by id. */
    this._revealed = "";
  }

  /** Show these events. @param {(Exchange|Command|StackEvent)[]} events */
  take(events) {
    this._lanes.follows = false;
    this._lanes.top = 0;
    this._revealed = "";
    this._peeked.value = null;
    this._rows.value = rowsOf(events);
  }

  /** The row of the step that the address names; null where it names none. @returns {Row|null} */
  get step() {
    return this._rows.value.find((row) => row.id === parameter("at")) ?? null;
  }

  /** @param {(row: Row) => unknown} [more] What can be done with the record that is shown in full. */
  draw(more) {
    this._moved.value;
    const filter = filterOf();
    const all = this._rows.value;
    const shown = all.filter((row) => fits(row, filter));
    const step = this.step;
    const at = step === null ? -1 : shown.indexOf(step);
    const pods = [...new Set(all.flatMap((row) => (row.pod ? [row.pod] : [])))].sort();
    if (step !== null && this._revealed !== step.id) requestAnimationFrame(() => this._reveal(step, at));
    return html`<div class="walk">
      ${filterBar(pods, t("{shown} of {all}", { shown: shown.length, all: all.length }))}
      ${stepper(at + 1, shown.length, (place) => this._go(shown[place - 1]), t("Step through what was recorded"))}
      <div class="streamed">
        ${this._lanes.draw(shown, {
          name: t("Records of the run"),
          pods,
          selected: step,
          later: at < 0 ? shown.length : at + 1,
          select: (row) => this._go(row),
          peek: (row) => (this._peeked.value = row),
          redraw: () => (this._moved.value += 1),
        })}
        <aside class="detail" aria-label=${t("The record in full")}>${detail(this._peeked.value ?? step, more)}</aside>
      </div>
    </div>`;
  }

  /** @param {Row|undefined} row */
  _go(row) {
    this._peeked.value = null;
    setParameter("at", row?.id ?? "");
  }

  /** Scroll to the row of a step. @param {Row} row @param {number} place */
  _reveal(row, place) {
    const element = /** @type {HTMLElement|null} */ (document.querySelector(".walk .scroll"));
    if (element === null || place < 0) return;
    this._revealed = row.id;
    this._lanes.show(place, element);
    this._moved.value += 1;
  }
}

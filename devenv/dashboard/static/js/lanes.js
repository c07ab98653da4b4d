/**
 * The stream in lanes client | proxy | pods | gate | redis: only the rows in sight are in the document.
 *
 * Used for what is live and for past runs; the view can be paused while records go on being collected.
 */

import { html } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { letter, resultOf } from "./rows.js";
import { t } from "./words.js";

/** @import {Row} from "./types.js" */

const ROW = 30;
const MARGIN = 12;

/**
 * @typedef {object} LanesOptions
 * @property {string} name Of the list, for screen readers.
 * @property {string[]} pods
 * @property {Row|null} selected
 * @property {(row: Row) => void} select
 * @property {(row: Row|null) => void} peek The pointer is over it, or has left.
 * @property {(row: Row) => unknown} [buttons] What can be done to a row.
 * @property {number} [later] The number of the first row that comes after the step that is shown; none where left out.
 * @property {() => void} redraw
 */

/** One list's place: where it is scrolled to, and whether it follows the end. */
export class Lanes {
  constructor() {
    this.top = 0;
    this.height = 420;
    this.follows = true;
    /** @type {Row[]|null} What was shown when the view was paused. */
    this.frozen = null;
    /** @type {HTMLElement|null} */
    this.element = null;
    /** Where it was scrolled to from here; a scroll event that names this place is our own. */
    this.placed = -1;
    /** Where to scroll after the next drawing, to a row that has come since the last one; 0: nowhere. */
    this.due = 0;
  }

  /** @param {Row[]} rows */
  pause(rows) {
    this.frozen = rows.slice();
    this.follows = false;
  }

  resume() {
    this.frozen = null;
    this.follows = true;
  }

  /** The list's element, which another drawing may have made anew. @param {HTMLElement|null} element */
  attach(element) {
    if (this.element !== element) this.placed = -1;
    this.element = element;
  }

  /** After drawing: keep to the end where it is followed. Reads no sizes, as that would lay out the page again. */
  settle() {
    const element = this.element?.isConnected ? this.element : null;
    if (element !== null && this.due > 0) {
      element.scrollTop = this.due;
      this.due = 0;
    }
    if (element === null || !this.follows || this.placed === this.top) return;
    element.scrollTop = this.top;
    this.placed = this.top;
  }

  /** @param {Row[]} rows @param {LanesOptions} options */
  draw(rows, options) {
    const total = rows.length * ROW;
    if (this.follows) this.top = Math.max(0, total - this.height);
    const first = Math.max(0, Math.min(Math.floor(this.top / ROW) - MARGIN, rows.length - 1));
    const last = Math.min(rows.length, Math.ceil((this.top + this.height) / ROW) + MARGIN);
    const visible = rows.slice(Math.max(0, first), last);
    const lanes = ["client", "proxy", ...options.pods, "gate", "redis"];
    const columns = `5.2rem 4.6rem 4.4rem ${options.pods.map(() => "minmax(3.2rem, 1fr)").join(" ")} 3rem minmax(6rem, 1.4fr)`;
    return html`<div class="lanes" .style=${`--columns: ${columns}`}>
      <div class="heads" aria-hidden="true">
        <span>${t("time")}</span>${lanes.map((lane) => html`<span>${options.pods.includes(lane) ? `${t("pod")} ${letter(lane)}` : lane === "redis" ? "Redis" : t(lane)}</span>`)}
      </div>
      <div
        class="scroll"
        role="grid"
        aria-label=${options.name}
        aria-rowcount=${rows.length}
        aria-colcount="3"
        aria-activedescendant=${options.selected && visible.includes(options.selected) ? `row-${options.selected.id}` : ""}
        tabindex="0"
        @scroll=${(/** @type {Event} */ event) => this._scrolled(event, options)}
        @pointerleave=${() => options.peek(null)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this._keyed(event, rows, options)}
      >
        <div class="space" role="rowgroup" .style=${`height: ${total}px`}>
          ${repeat(
            visible,
            (row) => row.id,
            (row, index) => this._row(row, Math.max(0, first) + index, lanes, options),
          )}
        </div>
        ${rows.length === 0 ? html`<p class="none">${t("Nothing here yet.")}</p>` : ""}
      </div>
    </div>`;
  }

  /** @param {Event} event @param {LanesOptions} options */
  _scrolled(event, options) {
    const element = /** @type {HTMLElement} */ (event.currentTarget);
    if (this.follows && this.element === element && this.height === element.clientHeight && Math.abs(element.scrollTop - this.placed) < 1) return;
    this.attach(element);
    this.top = this.placed = element.scrollTop;
    this.height = element.clientHeight;
    if (this.frozen === null) this.follows = element.scrollTop + element.clientHeight >= element.scrollHeight - ROW;
    options.redraw();
  }

  /** @param {KeyboardEvent} event @param {Row[]} rows @param {LanesOptions} options */
  _keyed(event, rows, options) {
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 });
    const step = steps[event.key];
    if (step === undefined || rows.length === 0) return;
    event.preventDefault();
    const before = options.selected === null ? -1 : rows.indexOf(options.selected);
    const place = before < 0 ? (step > 0 && event.key !== "End" ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, before + step));
    this.show(place, /** @type {HTMLElement} */ (event.currentTarget));
    this._select(/** @type {Row} */ (rows[place]), options);
  }

  /** Choose a row; the pointer, wherever it rests, counts again when it moves. @param {Row} row @param {LanesOptions} options */
  _select(row, options) {
    options.peek(null);
    options.select(row);
  }

  /** Scroll so that row number `place` is in sight. @param {number} place @param {HTMLElement} element */
  show(place, element) {
    this.attach(element);
    this.follows = false;
    const top = place * ROW;
    const least = top + ROW - element.clientHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (least > element.scrollTop) element.scrollTop = least;
    this.due = least > element.scrollTop ? least : 0;
    this.top = element.scrollTop;
  }

  /** @param {Row} row @param {number} place @param {string[]} lanes @param {LanesOptions} options */
  _row(row, place, lanes, options) {
    const chosen = options.selected?.id === row.id;
    const pod = row.pod === null ? -1 : lanes.indexOf(row.pod);
    const [from, to] = span(row, pod, lanes);
    const beside = to + 1 < lanes.length; // there is room behind the arrow
    const ending = resultOf(row);
    const result = html`<span class="result">${ending}</span>`;
    const time = new Date(row.time * 1000);
    const clock = `${String(time.getSeconds()).padStart(2, "0")}.${String(time.getMilliseconds()).padStart(3, "0")}`;
    return html`<div
      class="row ${row.kind} ${row.tone} ${chosen ? "chosen" : ""} ${place >= (options.later ?? Infinity) ? "later" : ""}"
      id="row-${row.id}"
      role="row"
      aria-selected=${chosen ? "true" : "false"}
      aria-rowindex=${place + 1}
      .style=${`top: ${place * ROW}px`}
      @click=${() => this._select(row, options)}
      @pointermove=${() => options.peek(row)}
    >
      <span class="when" role="gridcell"><span>${String(time.getMinutes()).padStart(2, "0")}:</span>${clock}</span>
      <span class="arrow" role="gridcell" title=${`${row.text}: ${ending}`} .style=${`grid-column: ${from + 2} / ${to + 3}`}>
        ${row.pod === null ? "" : html`<span class="podname"><span class="hidden">${t("pod")} </span>${letter(row.pod)}</span>`}
        <span class="text">${row.text}</span>${beside ? "" : result}
      </span>
      ${beside ? html`<span class="after" role="gridcell" .style=${`grid-column: ${to + 3} / -1`}>${result}</span>` : ""}
      ${options.buttons ? html`<span class="buttons" role="gridcell">${options.buttons(row)}</span>` : ""}
    </div>`;
  }
}

/** From which lane to which an arrow goes. @param {Row} row @param {number} pod @param {string[]} lanes @returns {[number, number]} */
function span(row, pod, lanes) {
  if (row.kind === "exchange") return [0, pod < 0 ? 1 : pod];
  if (row.kind === "redis") return [pod < 0 ? 2 : pod, lanes.length - 1];
  return row.pod === null ? [0, lanes.length - 1] : [pod, pod];
}

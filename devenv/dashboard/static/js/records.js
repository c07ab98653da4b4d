/** The records that the page keeps: a bounded list in order of time, and the part of it that fits the filter. */

import { signal } from "../vendor/signals-core/signals-core.module.js";
import { commandRow, exchangeRow, fits, stackRow } from "./rows.js";

/** @import {Command, Exchange, Row, StackEvent} from "./types.js" */
/** @import {Filter} from "./rows.js" */

/** So many rows are kept; the oldest go first, 1,000 at a time. */
export const CAPACITY = 10_000;
const SLACK = 1000;
/** So many of the things that were done to the stack are remembered as known; an overview names fewer. */
const MOST_DONE = 2000;

/** Put a row where its time belongs: mostly at the end. @param {Row[]} rows @param {Row} row */
export function insert(rows, row) {
  let place = rows.length;
  while (place > 0 && /** @type {Row} */ (rows[place - 1]).time > row.time) place -= 1;
  if (place === rows.length) rows.push(row);
  else rows.splice(place, 0, row);
}

export class Records {
  constructor(capacity = CAPACITY) {
    this.capacity = capacity;
    /** @type {Row[]} All that are kept, in order of time. */
    this.rows = [];
    /** @type {Row[]} Those of them that fit the filter. */
    this.shown = [];
    /** @type {Filter} */
    this.filter = { search: "", kind: "", pod: "" };
    /** How many came in all. */
    this.total = 0;
    /** Counts every change, for who shows the rows. */
    this.version = signal(0);
    /** @type {Map<number, Row>} Commands that may still change, by number. */
    this._moving = new Map();
    /** @type {Set<string>} What was done to the stack and is known, by row. */
    this._done = new Set();
  }

  /** @param {Exchange[]} exchanges @param {Command[]} commands @param {Command[]} changed */
  add(exchanges, commands, changed) {
    for (const exchange of exchanges) this._take(exchangeRow(exchange));
    for (const command of commands) {
      const row = commandRow(command);
      this._take(row);
      if (command.delivered === null) this._moving.set(command.seq, row);
    }
    for (const command of changed) this._change(command);
    if (this.rows.length > this.capacity + SLACK) this._trim();
    this.version.value += 1;
  }

  /** The latest things that were done to the stack; those that are known already are passed over. @param {StackEvent[]} events */
  addStack(events) {
    const rows = events.map(stackRow);
    const oldest = this.rows.length >= this.capacity ? /** @type {Row} */ (this.rows[0]).time : 0;
    const fresh = rows.filter((row) => !this._done.has(row.id) && row.time >= oldest);
    for (const row of fresh) {
      this._take(row);
      this._done.add(row.id);
    }
    for (const id of this._done) {
      if (this._done.size <= MOST_DONE) break;
      this._done.delete(id); // the oldest first
    }
    if (fresh.length) this.version.value += 1;
  }

  /** @param {Row} row */
  _take(row) {
    this.total += 1;
    insert(this.rows, row);
    if (fits(row, this.filter)) insert(this.shown, row);
  }

  /** @param {Command} command */
  _change(command) {
    const row = this._moving.get(command.seq);
    if (row === undefined) return;
    const before = fits(row, this.filter);
    Object.assign(row, commandRow(command));
    if (!before && fits(row, this.filter)) insert(this.shown, row);
    if (command.delivered !== null) this._moving.delete(command.seq);
  }

  _trim() {
    const gone = this.rows.length - this.capacity;
    const oldest = /** @type {Row} */ (this.rows[gone]).time;
    this.rows.splice(0, gone);
    let count = 0;
    while (count < this.shown.length && /** @type {Row} */ (this.shown[count]).time < oldest) count += 1;
    this.shown.splice(0, count);
    for (const [seq, row] of this._moving) if (row.time < oldest) this._moving.delete(seq);
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    const same = filter.search === this.filter.search && filter.kind === this.filter.kind && filter.pod === this.filter.pod;
    if (same) return;
    this.filter = filter;
    this.shown = this.rows.filter((row) => fits(row, filter));
    this.version.value += 1;
  }

  /** The row of a command or exchange, where it is still kept. @param {string} id */
  find(id) {
    return this.rows.find((row) => row.id === id) ?? null;
  }

  /** Forget everything: another process numbers from 1 again. */
  clear() {
    this.rows = [];
    this.shown = [];
    this._moving.clear();
    this._done.clear();
    this.version.value += 1;
  }
}

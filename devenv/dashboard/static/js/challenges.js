/** Where each challenge lives, as far as requests and answers tell: which pod made it, and what became of it. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

/** @import {Exchange} from "./types.js" */

/**
 * @typedef {object} Life
 * @property {string} id
 * @property {string} pod The pod that made it.
 * @property {number} made Seconds since the epoch.
 * @property {number} ttl Seconds.
 * @property {"open"|"passed"|"over"} state
 * @property {boolean} lost Whether a pod has said that it does not know it while it lived.
 */

const MOST = 300;

/** @param {string|null} text @returns {any} */
function json(text) {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

export class Challenges {
  constructor() {
    /** @type {Map<string, Life>} */
    this.lives = new Map();
    /** @type {Map<string, {exchange: Exchange, time: number}>} By pod, the latest "Challenge not found". */
    this.notFound = new Map();
    /** @type {{time: number, lost: boolean}[]} The latest answers, for the chart. */
    this.answers = [];
    this.version = signal(0);
  }

  /** @param {Exchange} exchange */
  see(exchange) {
    const sent = json(exchange.request_body);
    const answer = json(exchange.response_body);
    if (exchange.pod === null || answer === null) return;
    if (sent?.challenge_id) this._answered(exchange, sent.challenge_id, answer);
    else if (answer.challenge_id) {
      const life = { id: answer.challenge_id, pod: exchange.pod, made: exchange.started, ttl: answer.ttl ?? 60 };
      this.lives.set(answer.challenge_id, { ...life, state: "open", lost: false });
      if (this.lives.size > MOST) this.lives.delete(/** @type {string} */ (this.lives.keys().next().value));
    }
    this.version.value += 1;
  }

  /** @param {Exchange} exchange @param {string} id @param {any} answer */
  _answered(exchange, id, answer) {
    const life = this.lives.get(id);
    const lost = answer.message === "Challenge not found";
    this.answers.push({ time: exchange.started, lost });
    if (this.answers.length > 6000) this.answers.splice(0, 1000);
    const pod = /** @type {string} */ (exchange.pod);
    if (lost) this.notFound.set(pod, { exchange, time: exchange.started });
    if (life === undefined) return;
    if (lost && life.state === "open") life.lost = true;
    if (answer.success === true) life.state = "passed";
    else if (answer.downshift) life.state = "over";
  }

  clear() {
    this.lives.clear();
    this.notFound.clear();
    this.version.value += 1;
  }

  /** Those that still live at `now`, the newest first. @param {number} now @returns {Life[]} */
  living(now) {
    return [...this.lives.values()].filter((life) => life.state === "open" && now < life.made + life.ttl).reverse();
  }
}

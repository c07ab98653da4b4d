/** Where each challenge lives, as far as the records tell: which pod made it and where it wrote it, and what became of it. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

/** @import {Command, Exchange, Overview, StackEvent} from "./types.js" */

/**
 * @typedef {object} Life
 * @property {string} id
 * @property {string} pod The pod that made it.
 * @property {number} made Seconds since the epoch.
 * @property {number} took How long the pod took to make it, in seconds.
 * @property {number} ttl Seconds.
 * @property {"open"|"passed"|"over"} state
 * @property {boolean} lost Whether a pod has said that it does not know it while it lived.
 */

const MOST = 300;
/** So many challenges' first commands are remembered. */
const MOST_COMMANDS = 2000;
/** A command of the request that makes a challenge is received so many seconds after its answer at most. */
const SLACK = 0.05;

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
    /** @type {Map<string, Command>} By challenge, the first command about it. */
    this.first = new Map();
    /** Commands that were received before this time may have been missed; null: none was received yet. @type {number|null} */
    this.since = null;
    /** @type {Map<string, number>} When each pod lost its memory last. */
    this.restarts = new Map();
    /** When Redis lost everything last. */
    this.emptied = 0;
    this.version = signal(0);
  }

  /** New commands, and those that have changed. @param {Command[]} commands */
  heard(commands) {
    for (const command of commands) {
      this.since ??= command.seq === 1 ? 0 : command.received;
      const id = command.key?.split(":").pop();
      if (!id || (this.first.get(id)?.seq ?? command.seq) < command.seq) continue;
      this.first.set(id, command);
      if (this.first.size > MOST_COMMANDS) this.first.delete(/** @type {string} */ (this.first.keys().next().value));
    }
  }

  /** What was done to the stack; the same may come again. @param {StackEvent[]} events */
  done(events) {
    for (const { what, pod, time, detail } of events) {
      if (what === "restart" && pod) this.restarts.set(pod, Math.max(time, this.restarts.get(pod) ?? 0));
      if (what === "redis" && (detail.action === "stop" || detail.action === "flush")) this.emptied = Math.max(time, this.emptied);
    }
  }

  /**
   * Where a challenge is now: "redis", a pod whose memory has it, or null where it was lost with one of them. What
   * counts is whether the pod wrote it to Redis when it made it; where that was not recorded, how the pod is set.
   * @param {Life} life @param {Overview} seen @returns {string|null}
   */
  place(life, seen) {
    const first = this.first.get(life.id);
    const recorded = seen.spec.gate && (first !== undefined || life.made >= (this.since ?? 0) || seen.stores[life.pod] === "memory");
    const own = first !== undefined && first.pod === life.pod && first.received <= life.made + life.took + SLACK && !/^-[A-Z]/.test(first.reply ?? "");
    if (recorded ? own : seen.stores[life.pod] !== "memory") return life.made > this.emptied ? "redis" : null;
    const runs = seen.pods.some((pod) => pod.name === life.pod && pod.state !== "stopped");
    return runs && (this.restarts.get(life.pod) ?? 0) < life.made ? life.pod : null;
  }

  /** @param {Exchange} exchange */
  see(exchange) {
    const sent = json(exchange.request_body);
    const answer = json(exchange.response_body);
    if (exchange.pod === null || answer === null) return;
    if (sent?.challenge_id) this._answered(exchange, sent.challenge_id, answer);
    else if (answer.challenge_id) {
      const life = { id: answer.challenge_id, pod: exchange.pod, made: exchange.started, took: exchange.duration_ms / 1000, ttl: answer.ttl ?? 60 };
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
    this.first.clear();
    this.restarts.clear();
    this.since = null;
    this.emptied = 0;
    this.version.value += 1;
  }

  /** Those that still live at `now`, the newest first. @param {number} now @returns {Life[]} */
  living(now) {
    return [...this.lives.values()].filter((life) => life.state === "open" && now < life.made + life.ttl).reverse();
  }
}

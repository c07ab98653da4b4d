/** Records as rows of the stream: what each is and how it ended, in short. */

import { t } from "./words.js";

/** @import {Command, Exchange, Row, StackEvent, Tone} from "./types.js" */

/** Pods are called by their letter where there is room for no more. @param {string|null} pod */
export function letter(pod) {
  return pod === null ? "–" : pod.startsWith("captcha-api-") ? pod.slice("captcha-api-".length) : pod;
}

/** @param {string|null} text @returns {any} */
function json(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string|null|undefined} id */
export function short(id) {
  return id ? id.slice(0, 6) : "";
}

export const NOT_FOUND = "Challenge not found";

/** @param {Exchange} exchange @returns {Row} */
export function exchangeRow(exchange) {
  const sent = json(exchange.request_body);
  const answer = json(exchange.response_body);
  const challenge = sent?.challenge_id ?? answer?.challenge_id ?? null;
  const name = exchange.path.split("?")[0]?.split("/").filter(Boolean).pop() ?? exchange.path;
  const [result, tone, worded] = ending(exchange, answer);
  return {
    id: exchange.seq > 0 ? `x${exchange.seq}` : `o${exchange.client}-${exchange.request_id}`,
    time: exchange.started,
    kind: "exchange",
    pod: exchange.pod,
    text: `${exchange.method === "POST" ? "" : `${exchange.method} `}${name}${challenge ? ` ${short(challenge)}` : ""}`,
    result,
    worded,
    tone,
    challenge,
    record: exchange,
  };
}

/** How it ended, in which tone, and whether that is a word of the page. @param {Exchange} exchange @param {any} answer @returns {[string, Tone, boolean]} */
function ending(exchange, answer) {
  if (exchange.outcome === "open") return ["under way", "held", true];
  if (answer?.message === NOT_FOUND) return [NOT_FOUND, "bad", false];
  if (exchange.error || exchange.status >= 500 || exchange.status === 0) {
    const why = exchange.error ?? answer?.detail ?? "";
    return exchange.status || why ? [`${exchange.status || ""} ${why}`.trim(), "bad", false] : ["error", "bad", true];
  }
  if (answer?.success === true) return ["passed", "good", true];
  if (answer?.success === false) return answer.message ? [answer.message, "plain", false] : ["wrong", "plain", true];
  if (answer?.challenge_id || answer?.samples) return ["created", "plain", true];
  return [String(exchange.status), exchange.status < 400 ? "plain" : "bad", false];
}

/** How a row ended, in the page's language. @param {Row} row */
export function resultOf(row) {
  return row.worded ? t(row.result) : row.result;
}

/** The fates that are not the usual way, each in its tone. @type {Record<string, Tone>} */
const FATES = {
  held: "held",
  delayed: "held",
  released: "plain",
  "auto-released": "plain",
  passed: "plain",
  handshake: "quiet",
  queued: "quiet",
};

/** @param {Command} command @returns {Row} */
export function commandRow(command) {
  const words = [command.command, ...(command.key === null ? [] : [shortKey(command.key)])];
  const usual = command.fate === "passed" || command.fate === "handshake" || command.fate === "queued";
  const reply = command.reply === null ? "" : command.reply;
  const failed = /^-[A-Z]/.test(reply);
  return {
    id: `c${command.seq}`,
    time: command.received,
    kind: "redis",
    pod: command.pod,
    text: words.join(" "),
    result: usual ? reply : `${command.fate}${reply ? ` · ${reply}` : ""}`,
    worded: false,
    tone: failed && command.fate !== "handshake" ? "bad" : (FATES[command.fate] ?? "bad"),
    challenge: command.key === null ? null : (command.key.split(":").pop() ?? null),
    record: command,
  };
}

/** A key with its challenge's id cut to six letters. @param {string} key */
export function shortKey(key) {
  const at = key.lastIndexOf(":");
  return at < 0 || key.length - at < 12 ? key : `${key.slice(0, at + 1)}${key.slice(at + 1, at + 7)}…`;
}

/** Of a pod's settings its row has those that say where its sessions are; the record in full has all. */
const STORE_SETTINGS = ["USE_REDIS", "SESSION_STRATEGY", "STATE"];

/** @param {StackEvent} event @returns {Row} */
export function stackRow(event) {
  const all = Object.entries(event.detail);
  const store = all.filter(([name]) => STORE_SETTINGS.includes(name));
  const detail = (event.what === "pod" && store.length ? store : all)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  return {
    id: `s${event.time}-${event.what}-${event.pod ?? ""}-${event.detail.rule ?? ""}`,
    time: event.time,
    kind: "stack",
    pod: event.pod,
    text: event.what === "redis" ? `redis ${event.detail.command ?? event.detail.action ?? ""}` : `${event.what}${event.pod ? ` ${letter(event.pod)}` : ""}`,
    result: event.what === "redis" ? "" : (event.what === "order" && event.detail.kind) || (event.what === "balancer_file" && event.detail.file) || detail,
    worded: false,
    tone: event.what === "missing" ? "bad" : "quiet",
    challenge: null,
    record: event,
  };
}

/** Rows of a run's events, in order of time. @param {(Exchange|Command|StackEvent)[]} events @returns {Row[]} */
export function rowsOf(events) {
  return events
    .map((event) => (event.kind === "exchange" ? exchangeRow(event) : event.kind === "redis" ? commandRow(event) : stackRow(event)))
    .sort((one, other) => one.time - other.time);
}

/**
 * Whether a row fits a filter: every word of `search` occurs in it; `kind` and `pod` where given; commands that only
 * prepare a connection are left out unless searched for.
 * @typedef {{search: string, kind: string, pod: string}} Filter
 * @param {Row} row
 * @param {Filter} filter
 */
export function fits(row, filter) {
  if (filter.kind === "problems" ? row.tone !== "bad" : filter.kind && row.kind !== filter.kind) return false;
  if (filter.pod && row.pod !== filter.pod) return false;
  if (row.kind === "redis" && row.tone === "quiet" && !filter.search) return false;
  if (filter.search === "") return true;
  const text = `${JSON.stringify(row.record)} ${resultOf(row)}`.toLowerCase(); // made when it is searched: memory is dearer
  return filter.search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

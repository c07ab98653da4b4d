/** One record in full: the request and the answer, or the command and its reply, with its times. */

import { html } from "../vendor/lit-html/lit-html.js";
import { letter, resultOf } from "./rows.js";
import { t } from "./words.js";

/** @import {Command, Exchange, Row} from "./types.js" */

/** @param {string|null} text */
function pretty(text) {
  if (text === null) return "–";
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {number|null} time @param {number} from */
function after(time, from) {
  return time === null ? "–" : `+${((time - from) * 1000).toFixed(1)} ms`;
}

/** @param {[string, unknown][]} pairs */
function facts(pairs) {
  return html`<dl class="facts">${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {Row|null} row @param {(row: Row) => unknown} [more] */
export function detail(row, more) {
  if (row === null) return html`<p class="hint">${t("Point at a row, or move with the arrow keys, to see all of it.")}</p>`;
  const record = row.record;
  const body =
    record.kind === "exchange" ? exchange(record) : record.kind === "redis" ? command(record) : html`<pre tabindex="0">${JSON.stringify(record, null, 2)}</pre>`;
  return html`<h3 class=${row.tone}>${row.text}</h3>
    <p class="result ${row.tone}">${resultOf(row)}</p>
    ${more ? more(row) : ""} ${body}`;
}

/** @param {Exchange} record */
function exchange(record) {
  return html`${facts([
      [t("pod"), record.pod ? letter(record.pod) : t("none")],
      [t("status"), record.status || "–"],
      [t("chosen by"), record.policy],
      [t("took"), `${record.duration_ms.toFixed(1)} ms`],
      [t("request id"), record.request_id],
    ])}
    <h4>${record.method} ${record.path}</h4>
    <pre tabindex="0">${pretty(record.request_body)}</pre>
    <h4>${t("answer")}</h4>
    <pre tabindex="0">${pretty(record.response_body)}</pre>
    ${record.error ? html`<p class="bad">${record.error}</p>` : ""}`;
}

/** @param {Command} record */
function command(record) {
  return html`${facts([
      [t("pod"), letter(record.pod)],
      [t("fate"), record.fate],
      [t("to Redis"), after(record.forwarded, record.received)],
      [t("reply"), after(record.answered, record.received)],
      [t("to the pod"), after(record.delivered, record.received)],
      ...(record.rule ? /** @type {[string, unknown][]} */ ([[t("rule"), record.rule]]) : []),
    ])}
    <h4>${t("command {number}", { number: record.seq })}</h4>
    <pre tabindex="0">${[record.command, ...record.args].join(" ")}</pre>
    <h4>${t("reply")}</h4>
    <pre tabindex="0">${record.reply ?? "–"}</pre>`;
}

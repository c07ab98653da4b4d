/** A sequence picture in SVG: participants beside each other, messages below each other. */

import { html, svg } from "../vendor/lit-html/lit-html.js";
import { letter } from "./rows.js";
import { fromServer, t } from "./words.js";

/** @import {Message} from "./types.js" */

const COLUMN = 170;
const LINE = 34;
const HEAD = 46;
const ORDER = ["client", "proxy", "", "gate", "redis", "ml"];

/** @param {string} name */
function rank(name) {
  const place = ORDER.indexOf(name);
  return place < 0 ? ORDER.indexOf("") : place;
}

/** @param {Message[]} messages */
function participants(messages) {
  const names = [...new Set(messages.flatMap((message) => [message.source, message.target]))];
  return names.sort((one, other) => rank(one) - rank(other) || one.localeCompare(other));
}

/** What stands at an arrow, in the page's language. @param {string} label */
function inWords(label) {
  return fromServer(label, `label:${label}`);
}

/** @param {string} label */
function cut(label) {
  const plain = inWords(label).replaceAll("⏸ ", "").replaceAll(" ⏸", ` (${t("held")})`); // not every font has that sign
  return plain.length > 46 ? `${plain.slice(0, 45)}…` : plain;
}

/** @param {Message[]} messages @param {string} title @param {number} [step] How many are drawn in full; the rest is pale. */
export function sequence(messages, title, step = messages.length) {
  const names = participants(messages);
  const width = names.length * COLUMN;
  const height = HEAD + messages.length * LINE + 20;
  /** @param {string} name */
  const x = (name) => names.indexOf(name) * COLUMN + COLUMN / 2;
  return html`<div class="wide" tabindex="0" role="group" aria-label=${title}>
    <svg class="sequence" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${`${title}: ${messages.map((message) => `${message.source} → ${message.target}: ${inWords(message.label)}`).slice(0, 40).join("; ")}`}>
      ${names.map(
        (name) => svg`<line class="life" x1=${x(name)} x2=${x(name)} y1="34" y2=${height}></line>
          <rect class="who" x=${x(name) - 62} y="6" width="124" height="28" rx="7"></rect>
          <text class="who" x=${x(name)} y="25">${name.startsWith("captcha-api-") ? `${t("pod")} ${letter(name)}` : t(name)}</text>`,
      )}
      ${messages.map((message, index) => arrow(message, x(message.source), x(message.target), HEAD + index * LINE + 18, index >= step))}
    </svg>
  </div>`;
}

const SMALL = 54;

/** The same in a few lines, without words: what a card shows. @param {Message[]} messages */
export function thumbnail(messages) {
  const names = participants(messages);
  const shown = messages.slice(0, 9);
  const width = Math.max(4, names.length) * SMALL;
  const height = 16 + shown.length * 9;
  /** @param {string} name */
  const x = (name) => names.indexOf(name) * SMALL + SMALL / 2;
  return html`<svg class="thumbnail" viewBox="0 0 ${width} ${Math.max(60, height)}" aria-hidden="true">
    ${names.map((name) => svg`<line class="life" x1=${x(name)} x2=${x(name)} y1="14" y2=${height}></line><text x=${x(name)} y="9">${name.startsWith("captcha-api-") ? letter(name) : name}</text>`)}
    ${shown.map((message, index) => {
      const from = x(message.source);
      const to = x(message.target);
      const y = 20 + index * 9;
      if (from === to) return svg`<circle class="mark" cx=${from} cy=${y} r="3"></circle>`;
      return svg`<g class="msg ${message.kind}"><line x1=${from} x2=${to} y1=${y} y2=${y}></line><path d=${`M ${to} ${y} l ${to > from ? -5 : 5} -2.5 v 5 z`}></path></g>`;
    })}
  </svg>`;
}

/** @param {Message} message @param {number} from @param {number} to @param {number} y @param {boolean} pale */
function arrow(message, from, to, y, pale) {
  const kind = `${message.kind} ${pale ? "pale" : ""}`;
  if (from === to) {
    const label = cut(message.label);
    const wide = label.length * 7.2 + 16;
    return svg`<g class="msg note ${pale ? "pale" : ""}"><rect x=${from - wide / 2} y=${y - 13} width=${wide} height="20" rx="5"></rect>
      <text x=${from} y=${y + 1}>${label}</text></g>`;
  }
  const way = to > from ? -1 : 1;
  return svg`<g class="msg ${kind}"><title>${inWords(message.label)}</title>
    <text x=${(from + to) / 2} y=${y - 3}>${cut(message.label)}</text>
    <line x1=${from} x2=${to} y1=${y + 4} y2=${y + 4}></line>
    <path d=${`M ${to} ${y + 4} l ${way * 9} -4.5 v 9 z`}></path></g>`;
}

/** A sequence picture in SVG: participants beside each other, messages below each other. */

import { html, svg } from "../vendor/lit-html/lit-html.js";
import { letter } from "./rows.js";

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

/** @param {string} label */
function cut(label) {
  return label.length > 46 ? `${label.slice(0, 45)}…` : label;
}

/** @param {Message[]} messages @param {string} title @param {number} [step] How many are drawn in full; the rest is pale. */
export function sequence(messages, title, step = messages.length) {
  const names = participants(messages);
  const width = names.length * COLUMN;
  const height = HEAD + messages.length * LINE + 20;
  /** @param {string} name */
  const x = (name) => names.indexOf(name) * COLUMN + COLUMN / 2;
  return html`<div class="wide" tabindex="0" role="group" aria-label=${title}>
    <svg class="sequence" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${`${title}: ${messages.map((message) => `${message.source} to ${message.target}: ${message.label}`).slice(0, 40).join("; ")}`}>
      ${names.map(
        (name) => svg`<line class="life" x1=${x(name)} x2=${x(name)} y1="34" y2=${height}></line>
          <rect class="who" x=${x(name) - 62} y="6" width="124" height="28" rx="7"></rect>
          <text class="who" x=${x(name)} y="25">${name.startsWith("captcha-api-") ? `pod ${letter(name)}` : name}</text>`,
      )}
      ${messages.map((message, index) => arrow(message, x(message.source), x(message.target), HEAD + index * LINE + 18, index >= step))}
    </svg>
  </div>`;
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
  return svg`<g class="msg ${kind}"><title>${message.label}</title>
    <text x=${(from + to) / 2} y=${y - 3}>${cut(message.label)}</text>
    <line x1=${from} x2=${to} y1=${y + 4} y2=${y + 4}></line>
    <path d=${`M ${to} ${y + 4} l ${way * 9} -4.5 v 9 z`}></path></g>`;
}

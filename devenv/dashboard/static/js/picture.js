/** The live picture: client, proxy, pods with their store, gate and Redis, and where each challenge lives. */

import { html, svg } from "../vendor/lit-html/lit-html.js";
import { signal } from "../vendor/signals-core/signals-core.module.js";
import { layout, path } from "./layout.js";
import { letter, short } from "./rows.js";
import { challenges, held, now, overview, podNames, underWay } from "./state.js";
import { t } from "./words.js";

/** @import {Box, Layout} from "./layout.js" */
/** @import {Life} from "./challenges.js" */
/** @import {Pod} from "./types.js" */

const narrow = matchMedia("(max-width: 640px)");
const tall = signal(narrow.matches);
narrow.addEventListener("change", () => {
  tall.value = narrow.matches;
});

/** A pod stays red for so many seconds after "Challenge not found". */
const RED_SECONDS = 20;

/** @returns {Layout} */
export function plan() {
  return layout(podNames.value, tall.value);
}

/** @param {Box} box @param {string} title @param {string} kind @param {string[]} lines */
function part(box, title, kind, lines) {
  return svg`<g class="part ${kind}">
    <rect x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="10"></rect>
    <text class="name" x=${box.x + 12} y=${box.y + 24}>${title}</text>
    ${lines.map((line, index) => svg`<text class="line" x=${box.x + 12} y=${box.y + 44 + index * 17}>${line}</text>`)}
  </g>`;
}

/** @param {{x: number, y: number}[]} points @param {string} kind */
function edge(points, kind) {
  const [from, to] = /** @type {[{x: number, y: number}, {x: number, y: number}]} */ (points);
  return svg`<line class="edge ${kind}" x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y}></line>`;
}

/** @param {Life[]} lives @param {number} x @param {number} y @param {number} columns @param {number} width @param {number} lines */
function chips(lives, x, y, columns, width, lines) {
  const shown = lives.slice(0, columns * lines);
  const step = width / columns;
  return svg`${shown.map((life, index) => {
    const left = Math.max(0, Math.round(life.made + life.ttl - now.value));
    const cx = x + (index % columns) * step;
    const cy = y + Math.floor(index / columns) * 24;
    return svg`<g class="chip ${life.lost ? "lost" : ""}">
      <title>${t("{id}, made by {pod}, {left} s left", { id: life.id, pod: life.pod, left })}</title>
      <rect x=${cx} y=${cy} width=${step - 6} height="20" rx="10"></rect>
      <text x=${cx + 9} y=${cy + 14}>${short(life.id)} <tspan class="ttl">${t("{left} s", { left })}</tspan></text>
    </g>`;
  })}`;
}

/** @param {Pod} pod @param {Layout} where @param {Life[]} mine What its memory has. @param {number} made How many of those in Redis it made. */
function podPart(pod, where, mine, made) {
  const box = /** @type {Box} */ (where.pods[pod.name]);
  const store = overview.value?.stores[pod.name] ?? "";
  const lost = challenges.notFound.get(pod.name);
  const red = lost !== undefined && now.value - lost.time < RED_SECONDS;
  const busy = underWay.value.filter((exchange) => exchange.pod === pod.name).length;
  const state = pod.state === "running" ? "" : t(pod.state);
  const narrowBox = box.w < 200;
  return svg`<g class="part pod ${red ? "bad" : ""} ${pod.state === "running" ? "" : "down"}">
    <rect x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="10"></rect>
    <text class="name" x=${box.x + 12} y=${box.y + 24}>${t("pod")} ${letter(pod.name)}${mine.length ? svg`<tspan class="alive"> · ${t("{count} live here", { count: mine.length })}</tspan>` : ""}${busy ? svg`<tspan class="busy"> · ${t("{count} open", { count: busy })}</tspan>` : ""}</text>
    <text class="line" x=${box.x + 12} y=${box.y + 43}>${state || `USE_REDIS=${pod.settings.USE_REDIS ?? "?"}${narrowBox ? "" : ` · ${store}`}`}</text>
    ${
      red
        ? svg`<a class="why" href=${`#/live?why=${lost.exchange.seq}`} aria-label=${`${t("Pod {pod} answered: Challenge not found.", { pod: letter(pod.name) })} ${t("Why?")}`}>
            <rect class="whyback" x=${box.x + 8} y=${box.y + 54} width=${box.w - 16} height="44" rx="8"></rect>
            <text class="found ${narrowBox ? "small" : ""}" x=${box.x + 18} y=${box.y + 72}>Challenge not found</text>
            <text class="link" x=${box.x + 18} y=${box.y + 90}>${t("Why?")} →</text></a>`
        : mine.length
          ? chips(mine, box.x + 12, box.y + 56, narrowBox ? 1 : 2, box.w - 20, 2)
          : made && narrowBox
            ? svg`<text class="line" x=${box.x + 12} y=${box.y + 66}>${t("{count} in Redis", { count: made })}</text>`
            : svg`<text class="line" x=${box.x + 12} y=${box.y + 66}>${made ? t("made {count} of the challenges", { count: made }) : ""}</text>
              <text class="line" x=${box.x + 12} y=${box.y + 84}>${made ? t("that live in Redis") : ""}</text>`
    }
  </g>`;
}

/** The picture. */
export function picture() {
  challenges.version.value; // redrawn when it changes
  const seen = overview.value;
  if (seen === null) return html`<div class="picture waiting" role="status">${t("connecting…")}</div>`;
  const where = plan();
  /** @type {Record<string, Life[]>} */
  const places = {};
  for (const life of challenges.living(now.value)) (places[challenges.place(life, seen) ?? ""] ??= []).push(life);
  const inRedis = places.redis ?? [];
  const lives = Object.entries(places).reduce((sum, [place, all]) => sum + (place ? all.length : 0), 0);
  const shared = Object.values(seen.stores).some((store) => store !== "memory");
  const keys = seen.keys.reduce((sum, listing) => sum + listing.keys.length, 0);
  const holding = held.value.length;
  const words = t("{pods} pods behind a proxy with policy {policy}; {lives} challenges live", { pods: seen.pods.length, policy: seen.policy, lives });
  return html`<svg class="picture" role="group" aria-label=${words} viewBox="0 0 ${where.width} ${where.height}">
    ${edge(path(where, "").arrive, "used")}
    ${seen.pods.map((pod) => edge(path(where, pod.name).enter, pod.state === "running" ? "used" : "idle"))}
    ${seen.pods.map((pod) => edge(path(where, pod.name).store, seen.stores[pod.name] === "memory" ? "idle" : "used"))}
    ${edge(path(where, "").reach, shared ? "used" : "idle")}
    <g id="moving" aria-hidden="true"></g>
    ${part(where.client, t("client"), "end", [underWay.value.length ? t("{count} waiting", { count: underWay.value.length }) : ""])}
    ${part(where.proxy, t("proxy"), "wire", [seen.policy.length > 14 ? `${seen.policy.slice(0, 13)}…` : seen.policy])}
    ${seen.pods.map((pod) => podPart(pod, where, places[pod.name] ?? [], inRedis.filter((life) => life.pod === pod.name).length))}
    ${part(where.gate, t("gate"), holding ? "wire holding" : "wire", [holding ? t("holds {count}", { count: holding }) : seen.spec.gate ? t("passes") : t("none")])}
    ${part(where.redis, seen.redis_engine === "valkey" ? "Valkey" : "Redis", seen.redis_state === "running" ? "store" : "store down", [
      seen.redis_state === "running" ? t(keys === 1 ? "{count} key" : "{count} keys", { count: keys }) : t(seen.redis_state),
    ])}
    ${chips(inRedis, where.redis.x + 12, where.redis.y + 56, 1, where.redis.w - 20, 5)}
  </svg>`;
}

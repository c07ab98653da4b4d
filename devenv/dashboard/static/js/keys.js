/** What lies in Redis: every session with its TTL running down, what its document has, and what is odd about it. */

import { html } from "../vendor/lit-html/lit-html.js";
import { shortKey, letter } from "./rows.js";
import { challenges, now, overview } from "./state.js";
import { fromServer, t } from "./words.js";

/** @import {KeyInfo} from "./types.js" */

/** @param {KeyInfo} info @param {number} seen When it was looked at. */
function line(info, seen) {
  const left = info.ttl === null ? null : Math.max(0, info.ttl - (now.value - seen));
  const id = info.key.split(":").pop() ?? "";
  const maker = challenges.lives.get(id);
  return html`<tr class=${info.ttl === null || info.flags.length ? "bad" : ""}>
    <td><code title=${info.key}>${shortKey(info.key)}</code></td>
    <td class="ttl">${left === null ? html`<strong>${t("no TTL")}</strong>` : html`<meter aria-label=${t("time left")} min="0" max=${maker?.ttl ?? 60} .value=${left}></meter> ${t("{left} s", { left: left.toFixed(0) })}`}</td>
    <td>${maker ? letter(maker.pod) : "–"}</td>
    <td>${info.flags.map((flag) => fromServer(flag)).join("; ")}</td>
    <td>${info.kind}</td>
    <td>${info.attempts ?? "–"}</td>
    <td class="quiet">${info.fields.join(", ") || info.type}</td>
  </tr>`;
}

/** The view. */
export function keysView() {
  challenges.version.value;
  const seen = overview.value;
  if (seen === null) return html`<p>${t("connecting…")}</p>`;
  const keys = seen.keys.flatMap((listing) => listing.keys);
  const memory = Object.entries(seen.stores).filter(([, store]) => store === "memory");
  const inMemory = challenges.living(now.value).filter((life) => challenges.place(life, seen) === life.pod);
  return html`<section class="card">
      <h2>${t("Sessions in Redis")} <span class="quiet">${t(keys.length === 1 ? "{count} key" : "{count} keys", { count: keys.length })}${seen.keys.some((listing) => !listing.complete) ? t(", and more that are not listed") : ""}</span></h2>
      ${seen.keys_problem ? html`<p class="bad">${fromServer(seen.keys_problem)}</p>` : ""}
      <div class="wide" tabindex="0" role="group" aria-label=${t("Sessions in Redis")}>
        <table>
          <thead><tr><th scope="col">${t("key")}</th><th scope="col">${t("time left")}</th><th scope="col">${t("made by pod")}</th><th scope="col">${t("odd")}</th><th scope="col">${t("kind")}</th><th scope="col">${t("attempts")}</th><th scope="col">${t("document has")}</th></tr></thead>
          <tbody>${keys.map((info) => line(info, seen.now))}</tbody>
        </table>
      </div>
      ${keys.length === 0 && !seen.keys_problem ? html`<p class="hint">${t("Redis has no session.")} ${memory.length ? t("These pods keep theirs in their own memory: {pods}", { pods: memory.map(([pod]) => letter(pod)).join(", ") }) : ""}</p>` : ""}
    </section>
    ${
      memory.length || inMemory.length
        ? html`<section class="card">
            <h2>${t("In the memory of a pod")} <span class="quiet">${t("as far as requests and answers tell")}</span></h2>
            <ul class="plain">${inMemory.map((life) => html`<li><code>${life.id}</code> ${t("in pod {pod}, {left} s left", { pod: letter(life.pod), left: Math.max(0, life.made + life.ttl - now.value).toFixed(0) })}${life.lost ? html` <strong class="bad">${t("another pod did not find it")}</strong>` : ""}</li>`)}</ul>
            ${inMemory.length === 0 ? html`<p class="hint">${t("No challenge that this page has seen lives there now.")}</p>` : ""}
          </section>`
        : ""
    }`;
}

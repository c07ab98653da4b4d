/** A rollout's steps: how many sessions each was predicted to lose, may lose, and has lost. */

import { html, svg } from "../vendor/lit-html/lit-html.js";
import { t } from "./words.js";

/**
 * @typedef {object} Step
 * @property {number} number
 * @property {string} name
 * @property {number} predicted_loss A share.
 * @property {number} accepted_loss A share.
 * @property {Record<string, number>} verdicts Sessions: kept, lost and others.
 * @property {string} decision
 */

const STEP = 96;
const HEIGHT = 150;
const TOP = 14;

/** The share of sessions that a step has lost; null where none was kept or lost. @param {Step} step */
export function lost(step) {
  const kept = step.verdicts.kept ?? 0;
  const gone = step.verdicts.lost ?? 0;
  return kept + gone === 0 ? null : gone / (kept + gone);
}

/** @param {number|null} share */
function percent(share) {
  return share === null ? "–" : `${(share * 100).toFixed(1)} %`;
}

/** The picture and its table. @param {Step[]} steps */
export function phases(steps) {
  const most = Math.max(0.05, ...steps.flatMap((step) => [step.predicted_loss, step.accepted_loss, lost(step) ?? 0]));
  const width = steps.length * STEP + 20;
  /** @param {number} share */
  const y = (share) => TOP + (1 - share / most) * HEIGHT;
  const title = t("Lost sessions by step of the rollout");
  return html`<section class="card phases"><h2>${title}</h2>
    <div class="wide" tabindex="0" role="group" aria-label=${title}>
      <svg width=${width} height=${HEIGHT + 44} viewBox="0 0 ${width} ${HEIGHT + 44}" aria-hidden="true">
        <line class="life" x1="10" x2=${width - 10} y1=${y(0)} y2=${y(0)}></line>
        ${steps.map((step, index) => {
          const x = 10 + index * STEP;
          const measured = lost(step);
          return svg`<g class="phase ${step.decision}">
            <rect class="predicted" x=${x + 14} y=${y(step.predicted_loss)} width="28" height=${y(0) - y(step.predicted_loss)}></rect>
            ${measured === null ? "" : svg`<rect class="measured" x=${x + 46} y=${y(measured)} width="28" height=${Math.max(1, y(0) - y(measured))}></rect>`}
            <line class="limit" x1=${x + 8} x2=${x + 80} y1=${y(step.accepted_loss)} y2=${y(step.accepted_loss)}></line>
            <text x=${x + STEP / 2} y=${y(0) + 18}>${step.number}. ${step.name.length > 12 ? `${step.name.slice(0, 11)}…` : step.name}</text>
          </g>`;
        })}
      </svg>
      <table><thead><tr><th scope="col">${t("step")}</th><th scope="col">${t("predicted")}</th><th scope="col">${t("may be lost")}</th><th scope="col">${t("lost")}</th><th scope="col">${t("decision")}</th></tr></thead>
        <tbody>${steps.map((step) => html`<tr><td>${step.number}. ${step.name}</td><td>${percent(step.predicted_loss)}</td><td>${percent(step.accepted_loss)}</td><td>${percent(lost(step))}</td><td>${step.decision}</td></tr>`)}</tbody></table>
    </div></section>`;
}

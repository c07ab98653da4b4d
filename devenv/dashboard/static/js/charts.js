/** Charts by uPlot, which is loaded when the first one is shown; each has its numbers in words for who cannot see it. */

import { html } from "../vendor/lit-html/lit-html.js";
import { t } from "./words.js";

/** @typedef {{label: string, values: number[], tone: "bad"|"accent"|"good"}} Series */

/** @type {Promise<void>|null} */
let loading = null;
const AGAIN_MS = 500;
/** The distances of marks on an axis of whole numbers. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** The library, loaded once; again where the loading was broken off. @returns {Promise<void>} */
function library() {
  loading ??= load().catch(async () => {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    loading = null;
    return library();
  });
  return loading;
}

/** @returns {Promise<void>} */
function load() {
  return new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "/static/vendor/uplot/uPlot.min.css";
    const script = document.createElement("script");
    script.onload = () => resolve();
    script.onerror = style.onerror = () => {
      script.remove();
      style.remove();
      reject(new Error("uPlot cannot be loaded"));
    };
    setSource(script, "/static/vendor/uplot/uPlot.iife.min.js");
    document.head.append(style, script);
  });
}

/** @type {{createScriptURL: (text: string) => any}|null} */
let policy = null;

/** A script's address needs a Trusted Type; this one is a constant. @param {HTMLScriptElement} script @param {string} source */
function setSource(script, source) {
  const types = /** @type {any} */ (window).trustedTypes;
  policy ??= types ? types.createPolicy("devenv-charts", { createScriptURL: (/** @type {string} */ text) => text }) : null;
  script.src = policy ? policy.createScriptURL(source) : source;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

class Chart extends HTMLElement {
  constructor() {
    super();
    /** @type {number[]} */
    this.times = [];
    /** @type {Series[]} */
    this.series = [];
    this.unit = "";
    /** @type {any} */
    this.plot = null;
    this.observer = new ResizeObserver(() => this.plot?.setSize({ width: this.clientWidth, height: 180 }));
    this.inks = () => {
      this.plot?.destroy(); // it has the colours of the other scheme
      this.plot = null;
      this.draw();
    };
  }

  connectedCallback() {
    this.observer.observe(this);
    dark.addEventListener("change", this.inks);
    void library().then(() => this.draw());
  }

  disconnectedCallback() {
    this.observer.disconnect();
    dark.removeEventListener("change", this.inks);
    this.plot?.destroy();
    this.plot = null;
  }

  /** @param {{times: number[], series: Series[], unit: string}} next */
  set data(next) {
    this.times = next.times;
    this.series = next.series;
    this.unit = next.unit;
    if (this.plot) this.plot.setData([this.times, ...this.series.map((one) => one.values)]);
  }

  draw() {
    if (this.plot || !this.isConnected || !("uPlot" in window)) return;
    const style = getComputedStyle(this);
    const ink = style.getPropertyValue("--soft");
    const line = style.getPropertyValue("--line");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    const options = {
      width: this.clientWidth || 600,
      height: 180,
      padding: [null, 32, null, null], // room for half of the last mark's words
      legend: { show: true, live: false },
      scales: { x: { time: this.unit === "time" } },
      axes: [this.unit === "time" ? { ...axis, space: 70, values: (/** @type {any} */ _plot, /** @type {number[]} */ seconds) => seconds.map(clock) } : this.times.every(Number.isInteger) ? { ...axis, incrs: WHOLE } : axis, { ...axis, size: 56 }],
      series: [{ label: this.unit }, ...this.series.map((one) => ({ label: one.label, stroke: style.getPropertyValue(`--${one.tone}`), width: 2, points: { show: false } }))],
    };
    this.plot = new /** @type {any} */ (window).uPlot(options, [this.times, ...this.series.map((one) => one.values)], this);
  }
}

/** @param {number} seconds Since the epoch. */
function clock(seconds) {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

customElements.define("devenv-chart", Chart);

/** @param {string} title @param {number[]} times @param {Series[]} series @param {string} unit */
export function chart(title, times, series, unit) {
  const words = series.map((one) => `${one.label}: ${one.values[one.values.length - 1] ?? 0}`).join(", ");
  return html`<figure class="chart"><figcaption>${title}</figcaption><devenv-chart role="img" aria-label=${t("{title}; at the end {words}", { title, words })} .data=${{ times, series, unit }}></devenv-chart></figure>`;
}

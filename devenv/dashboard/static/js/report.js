/** The script of a report: the records that lie in it, in the page's lanes. It asks for nothing. */

import { render } from "../vendor/lit-html/lit-html.js";
import { effect } from "../vendor/signals-core/signals-core.module.js";
import { Walk } from "./walk.js";

const walk = new Walk();
walk.take(JSON.parse(document.getElementById("events")?.textContent ?? "[]"));
const root = /** @type {HTMLElement} */ (document.getElementById("walk"));
root.replaceChildren(); // the sentence for who has no script
effect(() => {
  render(walk.draw(), root);
});

addEventListener("keydown", (event) => {
  const writes = ["INPUT", "SELECT"].includes(/** @type {HTMLElement} */ (event.target).tagName);
  if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("search")?.focus();
});

/** The page's place in its address: which view, and the filters. Reloading or sharing the address shows the same. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

/** @typedef {{view: string, params: URLSearchParams}} Route */

/** The view of an address that names none; a report has one of its own. */
const FIRST = document.documentElement.dataset.view ?? "live";

/** @returns {Route} */
function read() {
  const [view, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: view || FIRST, params: new URLSearchParams(query) };
}

export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/**
 * @param {string} view
 * @param {URLSearchParams} [params]
 */
export function address(view, params) {
  const query = params?.toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Go to a view with these parameters. @param {string} view @param {Record<string, string>} [params] */
export function go(view, params) {
  location.hash = address(view, new URLSearchParams(params));
}

/** Set one parameter without a new entry of the history; an empty value takes it away. @param {string} name @param {string} value */
export function setParameter(name, value) {
  const { view, params } = route.value;
  const next = new URLSearchParams(params);
  if (value) next.set(name, value);
  else next.delete(name);
  history.replaceState(null, "", address(view, next));
  route.value = read();
}

/** @param {string} name */
export function parameter(name) {
  return route.value.params.get(name) ?? "";
}

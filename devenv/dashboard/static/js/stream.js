/** The stream of records: comes again by itself, goes on where it stopped, says what was dropped. */

import { batch } from "../vendor/signals-core/signals-core.module.js";
import { challenges, connection, dropped, held, records, refresh, setClock, underWay } from "./state.js";

let process = "";

/** @param {Event} event @returns {any} */
function data(event) {
  return JSON.parse(/** @type {MessageEvent<string>} */ (event).data);
}

/** Open the stream. */
export function follow() {
  const source = new EventSource("/stream?last=2000");
  source.addEventListener("hello", (event) => {
    const hello = data(event);
    setClock(hello.now);
    batch(() => {
      if (process && process !== hello.process) {
        records.clear();
        challenges.clear();
        held.value = [];
        underWay.value = [];
      }
      connection.value = "open";
    });
    if (process && process !== hello.process) location.reload(); // another process has another token
    process = hello.process;
    void refresh();
  });
  source.addEventListener("records", (event) => {
    const { exchanges, commands, changed } = data(event);
    batch(() => {
      records.add(exchanges, commands, changed);
      for (const exchange of exchanges) challenges.see(exchange);
    });
  });
  source.addEventListener("gap", (event) => {
    const gap = data(event);
    dropped.value += gap.exchanges + gap.commands;
  });
  source.addEventListener("live", (event) => {
    const live = data(event);
    batch(() => {
      held.value = live.held;
      underWay.value = live.open;
    });
  });
  source.addEventListener("error", () => {
    connection.value = "lost";
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 1000);
  });
}

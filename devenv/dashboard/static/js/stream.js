/** The stream of records: comes again by itself, goes on where it stopped, says what was dropped. */

import { batch } from "../vendor/signals-core/signals-core.module.js";
import { renewToken, show } from "./api.js";
import { move } from "./moving.js";
import { challenges, connection, dropped, held, now, records, refresh, setClock, underWay } from "./state.js";

let process = "";

/** @param {Event} event @returns {any} */
function data(event) {
  return JSON.parse(/** @type {MessageEvent<string>} */ (event).data);
}

/** Open the stream. */
export function follow() {
  const source = new EventSource("/stream?last=2000");
  source.addEventListener("hello", async (event) => {
    const hello = data(event);
    setClock(hello.now);
    const another = process !== "" && process !== hello.process;
    process = hello.process;
    if (another) {
      batch(() => {
        records.clear();
        challenges.clear();
        held.value = [];
        underWay.value = [];
      });
      await renewToken().catch(show);
    }
    connection.value = "open";
  });
  source.addEventListener("records", (event) => {
    const { exchanges, commands, changed } = data(event);
    batch(() => {
      records.add(exchanges, commands, changed);
      challenges.heard(commands);
      challenges.heard(changed);
      for (const exchange of exchanges) challenges.see(exchange);
    });
    move(exchanges, commands);
  });
  source.addEventListener("gap", (event) => {
    const gap = data(event);
    dropped.value += gap.exchanges + gap.commands;
    if (gap.commands) challenges.since = now.value;
  });
  source.addEventListener("stack", (event) => {
    const { events } = data(event);
    records.addStack(events);
    challenges.done(events);
    void refresh();
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

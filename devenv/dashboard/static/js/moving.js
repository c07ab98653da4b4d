/** Dots that move along the picture's lines, one for each exchange and command; none where motion is not wanted. */

import { path } from "./layout.js";
import { plan } from "./picture.js";
import { podNames } from "./state.js";

/** @import {Command, Exchange} from "./types.js" */

const still = matchMedia("(prefers-reduced-motion: reduce)");
const MOST = 24;
let moving = 0;

/** @param {{x: number, y: number}[]} points @param {string} kind @param {number} delay */
function dot(points, kind, delay) {
  const layer = document.getElementById("moving");
  if (layer === null || moving >= MOST) return;
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  circle.setAttribute("r", "5");
  circle.setAttribute("class", kind);
  layer.append(circle);
  moving += 1;
  const frames = points.map((point) => ({ transform: `translate(${point.x}px, ${point.y}px)` }));
  const animation = circle.animate(frames, { duration: 260 * (points.length - 1), delay, fill: "backwards" });
  animation.onfinish = animation.oncancel = () => {
    circle.remove();
    moving -= 1;
  };
}

/** @param {Exchange[]} exchanges @param {Command[]} commands */
export function move(exchanges, commands) {
  if (still.matches || document.hidden || document.getElementById("moving") === null) return;
  const where = plan();
  const known = new Set(podNames.value);
  for (const exchange of exchanges.slice(-6)) {
    if (exchange.pod === null || !known.has(exchange.pod)) continue;
    const lines = path(where, exchange.pod);
    const bad = exchange.response_body?.includes("Challenge not found") ?? false;
    dot([...lines.arrive, ...lines.enter], "request", 0);
    dot([...lines.enter].reverse().concat([...lines.arrive].reverse()), bad ? "bad" : "reply", 520);
  }
  for (const command of commands.filter((one) => one.fate !== "handshake").slice(-6)) {
    if (!known.has(command.pod)) continue;
    const lines = path(where, command.pod);
    dot([...lines.store, ...lines.reach], "command", 260);
  }
}

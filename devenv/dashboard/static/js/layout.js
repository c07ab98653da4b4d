/** Where the parts of the live picture are: in a row where there is room, below each other where there is not. */

/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/**
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} height
 * @property {Box} client
 * @property {Box} proxy
 * @property {Record<string, Box>} pods
 * @property {Box} gate
 * @property {Box} redis
 * @property {boolean} tall
 */

const POD_H = 118;

/** @param {string[]} pods @param {boolean} tall @returns {Layout} */
export function layout(pods, tall) {
  return tall ? below(pods) : beside(pods);
}

/** @param {string[]} pods @returns {Layout} */
function beside(pods) {
  const gap = 16;
  const height = Math.max(2, pods.length) * (POD_H + gap) + gap;
  const middle = height / 2;
  /** @type {Record<string, Box>} */
  const boxes = {};
  const first = middle - (pods.length * (POD_H + gap) - gap) / 2;
  pods.forEach((pod, index) => {
    boxes[pod] = { x: 312, y: first + index * (POD_H + gap), w: 236, h: POD_H };
  });
  return {
    width: 900,
    height,
    client: { x: 8, y: middle - 34, w: 96, h: 68 },
    proxy: { x: 142, y: middle - 44, w: 122, h: 88 },
    pods: boxes,
    gate: { x: 590, y: middle - 44, w: 100, h: 88 },
    redis: { x: 728, y: middle - 92, w: 164, h: 184 },
    tall: false,
  };
}

/** @param {string[]} pods @returns {Layout} */
function below(pods) {
  const width = 372;
  const columns = pods.length === 1 ? 1 : 2;
  const gap = 12;
  const podWidth = (width - 12 - gap * (columns - 1)) / columns;
  /** @type {Record<string, Box>} */
  const boxes = {};
  pods.forEach((pod, index) => {
    const column = index % columns;
    const line = Math.floor(index / columns);
    boxes[pod] = { x: 6 + column * (podWidth + gap), y: 150 + line * (POD_H + gap), w: podWidth, h: POD_H };
  });
  const end = 150 + Math.ceil(pods.length / columns) * (POD_H + gap);
  return {
    width,
    height: end + 196,
    client: { x: 20, y: 8, w: 110, h: 56 },
    proxy: { x: 200, y: 8, w: 140, h: 88 },
    pods: boxes,
    gate: { x: 24, y: end + 30, w: 100, h: 80 },
    redis: { x: 180, y: end + 8, w: 186, h: 178 },
    tall: true,
  };
}

/** The point of a box's edge that looks to the next part. @param {Box} box @param {"in"|"out"} side @param {boolean} tall */
export function port(box, side, tall) {
  if (!tall) return { x: side === "out" ? box.x + box.w : box.x, y: box.y + box.h / 2 };
  return { x: box.x + box.w / 2, y: side === "out" ? box.y + box.h : box.y };
}

/** The lines between parts: [from, to] as points. @param {Layout} plan @param {string} pod */
export function path(plan, pod) {
  const { client, proxy, gate, redis, tall } = plan;
  const box = /** @type {Box} */ (plan.pods[pod] ?? plan.proxy);
  return {
    arrive: [port(client, "out", false), port(proxy, "in", false)],
    enter: [port(proxy, "out", tall), port(box, "in", tall)],
    store: [port(box, "out", tall), port(gate, "in", tall)],
    reach: [port(gate, "out", false), port(redis, "in", false)],
  };
}

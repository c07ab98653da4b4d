/** A canvas to write on, with mouse, finger or pen. */

/** @param {HTMLCanvasElement} canvas */
function context(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.lineWidth = 7;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.strokeStyle = "#000";
  return pen;
}

/** White paper. @param {HTMLCanvasElement} canvas */
export function clear(canvas) {
  const pen = context(canvas);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

/** @param {PointerEvent} event */
function point(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  const box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) * canvas.width) / box.width, y: ((event.clientY - box.top) * canvas.height) / box.height };
}

/** @param {PointerEvent} event */
export function down(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  if (canvas.dataset.white !== "yes") clear(canvas);
  canvas.dataset.white = "yes";
  canvas.setPointerCapture(event.pointerId);
  const { x, y } = point(event);
  const pen = context(canvas);
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + 0.1, y);
  pen.stroke();
}

/** @param {PointerEvent} event */
export function along(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  const { x, y } = point(event);
  const pen = context(canvas);
  pen.lineTo(x, y);
  pen.stroke();
}

/** What was written, as a PNG in base64. @param {HTMLCanvasElement} canvas */
export function picture(canvas) {
  return canvas.toDataURL("image/png");
}

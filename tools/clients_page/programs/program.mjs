// What the Node programs share: ask once, say ready, wait for a line, take the ticket, say what came.
import { createInterface } from "node:readline";

export async function run(warm, take) {
  await warm();
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log("ready");
  await lines.next();
  const began = Date.now();
  const tell = (line) => console.log(JSON.stringify({ ...line, seconds: (Date.now() - began) / 1000 }));
  try {
    const value = await take();
    tell({ value: value === null ? null : String(value), error: null, message: null });
  } catch (error) {
    tell({ value: null, error: error.constructor.name, message: String(error.message).slice(0, 120) });
  }
  process.exit(0);
}

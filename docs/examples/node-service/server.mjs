// A captcha-api in Node without packages: sums to do, sessions in Redis by its own few lines of RESP,
// or in this process's memory. Started as `node server.mjs`; listens on PORT.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { connect } from "node:net";

const USE_REDIS = process.env.USE_REDIS === "true";
const memory = new Map();

/** One command on a connection of its own; resolves to the reply's text, null for nil. */
function redis(...words) {
  const text = `*${words.length}\r\n` + words.map((w) => `$${Buffer.byteLength(w)}\r\n${w}\r\n`).join("");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(process.env.REDIS_PORT), process.env.REDIS_HOST, () => socket.write(text));
    let got = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (part) => {
      got += part;
      const end = got.indexOf("\r\n");
      if (end < 0) return;
      const size = got[0] === "$" ? Number(got.slice(1, end)) : -1;
      if (size >= 0 && Buffer.byteLength(got) < end + 4 + size) return;
      socket.end();
      if (got[0] === "-") reject(new Error(got.slice(1, end)));
      else resolve(size >= 0 ? got.slice(end + 2, -2) : got[0] === "$" ? null : got.slice(1, end));
    });
  });
}

const keep = async (id, value) =>
  USE_REDIS ? redis("SET", `sums:${id}`, value, "EX", "60") : memory.set(`sums:${id}`, value);
const find = async (id) => (USE_REDIS ? redis("GET", `sums:${id}`) : (memory.get(`sums:${id}`) ?? null));
const forget = async (id) => (USE_REDIS ? redis("DEL", `sums:${id}`) : memory.delete(`sums:${id}`));

async function answer(request, body) {
  const put = /^\/challenges\/([^/]+)$/.exec(request.url);
  if (request.method === "GET" && request.url === "/") return [200, { ok: true }];
  if (request.method === "POST" && request.url === "/challenges") {
    const id = randomUUID();
    const [a, b] = [Math.ceil(Math.random() * 9), Math.ceil(Math.random() * 9)];
    await keep(id, String(a + b));
    return [201, { id, question: `${a} + ${b}` }];
  }
  if (request.method === "PUT" && put) {
    const sum = await find(put[1]);
    if (sum === null) return [404, { error: "no such challenge" }];
    const solved = String(JSON.parse(body).sum) === sum;
    if (solved) await forget(put[1]);
    return [200, { solved }];
  }
  return [404, { error: "no such path" }];
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  try {
    const [status, value] = await answer(request, body);
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  } catch (error) {
    response.writeHead(503, { "Content-Type": "application/json" }).end(JSON.stringify({ error: error.message }));
  }
});
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "0.0.0.0");

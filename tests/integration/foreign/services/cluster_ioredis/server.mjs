// One-time tickets in Redis by the cluster client of ioredis. An error is a bare 500.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Cluster } from "ioredis";

const redis = new Cluster([{ host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT) }]);
redis.on("error", (error) => console.error("redis", error.message));

async function answer(method, path, body) {
  if (method === "GET") return [200, { ok: true }];
  if (path === "/tickets") {
    const ticket = randomUUID();
    await redis.set(`ticket:${ticket}`, "seat 12", "EX", 60);
    return [201, { ticket }];
  }
  const seat = await redis.getdel(`ticket:${JSON.parse(body).ticket}`);
  return seat === null ? [404, { error: "unknown ticket" }] : [200, { ok: true, seat }];
}

createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", async () => {
    const [status, data] = await answer(request.method, request.url, body).catch((error) => {
      console.error(error.message);
      return [500, { error: "internal" }];
    });
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(data));
  });
}).listen(Number(process.env.PORT), "127.0.0.1");

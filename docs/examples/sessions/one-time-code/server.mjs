// A code that is good for one device. Two devices that send it at once are both let in: GET, then DEL.
// STORE: plain (as it is), deleted (looks right: the DEL comes first, but nobody reads its reply),
// getdel (the command that takes the code out gives it to one of them).
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { redis } from "../redis.mjs";

const STORE = process.env.STORE ?? "plain";

async function taken(key) {
  if (STORE === "getdel") return redis("GETDEL", key);
  const code = await redis("GET", key);
  if (STORE === "deleted" || code) await redis("DEL", key);
  return code;
}

async function answer({ method, url }, user) {
  const { pathname, searchParams } = new URL(url, "http://local");
  if (pathname === "/ready") return [200, {}];
  if (pathname === "/code") {
    const id = randomBytes(16).toString("hex");
    await redis("SET", `code:${id}`, "123456", "EX", 300);
    return [200, { sent: true }, { "Set-Cookie": `user=${id}` }];
  }
  if (pathname === "/devices") {
    const names = ["phone", "tablet"];
    const known = await Promise.all(names.map((name) => redis("GET", `device:${user}:${name}`)));
    return [200, { devices: names.filter((_, at) => known[at]) }];
  }
  if ((await taken(`code:${user}`)) !== searchParams.get("code")) return [403, { ok: false }];
  await redis("SET", `device:${user}:${searchParams.get("device")}`, 1, "EX", 300);
  return [200, { ok: true }];
}

createServer(async (request, response) => {
  const user = /user=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  const [status, body, headers] = await answer(request, user);
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}).listen(Number(process.env.PORT), "127.0.0.1");

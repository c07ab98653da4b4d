// A refresh token that is good once: who uses it is given the next one. Two uses at once give two that both
// work, and a thief keeps one of them. STORE: plain (as it is: GET, SET, DEL), getdel (it is taken out).
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { redis } from "../redis.mjs";

const STORE = process.env.STORE ?? "plain";
const fresh = () => randomBytes(16).toString("hex");

async function given(family) {
  const token = fresh();
  await redis("SET", `token:${token}`, family, "EX", 3600);
  await redis("SADD", `family:${family}`, token);
  return token;
}

async function answer({ url }, cookies) {
  if (url === "/ready") return [200, {}];
  if (url === "/login") {
    const family = fresh();
    return [200, {}, { "Set-Cookie": [`token=${await given(family)}`, `family=${family}`] }];
  }
  if (url === "/issued") return [200, { issued: Number(await redis("SCARD", `family:${cookies.family}`)) }];
  const key = `token:${cookies.token}`;
  const family = await redis(STORE === "getdel" ? "GETDEL" : "GET", key);
  if (!family) return [401, { error: "token was used" }];
  if (STORE !== "getdel") await redis("DEL", key);
  return [200, { token: await given(family) }];
}

createServer(async (request, response) => {
  const cookies = Object.fromEntries((request.headers.cookie ?? "").split("; ").map((text) => text.split("=")));
  const [status, body, headers] = await answer(request, cookies);
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}).listen(Number(process.env.PORT), "127.0.0.1");

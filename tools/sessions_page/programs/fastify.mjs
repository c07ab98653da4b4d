import cookie from "@fastify/cookie";
import session from "@fastify/session";
import { RedisStore } from "connect-redis";
import fastify from "fastify";
import { createClient } from "redis";

const client = await createClient({ url: process.env.REDIS_URL }).connect();
const app = fastify();
app.register(cookie);
app.register(session, { store: new RedisStore({ client }), secret: "l".repeat(32), cookie: { secure: false } });
const known = async (request, reply) => {
  if (!request.session.get("user")) await reply.code(401).send({ ok: false });
};

app.get("/ready", async () => ({}));
app.post("/login", async (request) => { request.session.set("user", "alice"); return { ok: true }; });
app.get("/me", { preHandler: known }, async (request) => {
  const names = ["user", "a", "b"].filter((name) => request.session.get(name) !== undefined);
  return Object.fromEntries(names.map((name) => [name, request.session.get(name)]));
});
app.post("/set", { preHandler: known }, async (request) => {
  for (const [name, value] of Object.entries(request.query)) request.session.set(name, value);
  return { ok: true };
});
app.post("/logout", { preHandler: known }, async (request) => { await request.session.destroy(); return { ok: true }; });
app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });

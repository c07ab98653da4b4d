// Koa's sessions in Redis: the cookie koa.sess is believed with its signature in koa.sess.sig only.
import Koa from "koa";
import { createSession } from "koa-session";
import { createClient } from "redis";

const redis = createClient({ url: process.env.REDIS_URL });
redis.on("error", () => {});
await redis.connect();
const app = new Koa();
app.keys = ["one key for all pods"];
const store = {
  get: async (key) => JSON.parse((await redis.get(key)) ?? "null"),
  set: (key, session, ms) => redis.set(key, JSON.stringify(session), { PX: typeof ms === "number" ? ms : 60000 }),
  destroy: (key) => redis.del(key),
};
app.use(createSession({ store }, app));
app.use((context) => {
  if (context.path === "/login" && context.method === "POST") {
    context.session.visits = 0;
    context.body = { ok: true };
  } else if (context.path === "/visits") {
    if (context.session.isNew) context.status = 401;
    else context.session.visits += 1;
    context.body = { ok: !context.session.isNew };
  } else {
    context.body = { ok: true };
  }
});
app.listen(Number(process.env.PORT), "127.0.0.1");

// express-session with connect-redis; SESSIONS=redis puts sessions there, else they are in the process's memory.
import express from "express";
import session from "express-session";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";

let store;
if (process.env.SESSIONS === "redis") {
  const client = createClient({ url: process.env.REDIS_URL });
  client.on("error", () => {});
  await client.connect();
  store = new RedisStore({ client });
}
const app = express();
app.use(session({ store, secret: "one secret for all pods", resave: false, saveUninitialized: false }));
app.post("/login", (request, response) => {
  request.session.visits = 0;
  response.json({ ok: true });
});
app.post("/visits", (request, response) => {
  if (request.session.visits === undefined) return response.status(401).json({ ok: false });
  request.session.visits += 1;
  response.json({ ok: true });
});
app.use((request, response) => response.json({ ok: true }));
app.listen(Number(process.env.PORT), "127.0.0.1");

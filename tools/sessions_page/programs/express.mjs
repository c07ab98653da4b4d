import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const client = await createClient({ url: process.env.REDIS_URL }).connect();
const app = express();
app.use(session({
  store: new RedisStore({ client }), secret: "local", resave: process.env.RESAVE === "true", saveUninitialized: false,
}));
const known = (request, response, next) => (request.session.user ? next() : response.status(401).json({ ok: false }));

app.get("/ready", (request, response) => response.json({}));
app.post("/login", (request, response) => { request.session.user = "alice"; response.json({ ok: true }); });
app.get("/me", known, ({ session: { cookie, ...data } }, response) => response.json(data));
app.post("/set", known, (request, response) => { Object.assign(request.session, request.query); response.json({ ok: true }); });
app.post("/logout", known, (request, response) => request.session.destroy(() => response.json({ ok: true })));
app.listen(process.env.PORT, "127.0.0.1");

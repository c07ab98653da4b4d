// express-session with connect-redis as their pages say: a change that is under way brings a session back
// that was logged out meanwhile. STORE=merge: a store whose script changes a session only while it is there.
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const client = await createClient({ url: process.env.REDIS_URL }).connect();

const MERGE = `
  local text = redis.call('GET', KEYS[1])
  if not text then return 0 end
  local all = cjson.decode(text)
  for name, value in pairs(cjson.decode(ARGV[1])) do all[name] = value end
  redis.call('SET', KEYS[1], cjson.encode(all), 'KEEPTTL')
  return 1`;

class MergingStore extends RedisStore {
  #read = new WeakMap(); // what a session held when it was read

  createSession(request, data) {
    const made = super.createSession(request, data);
    this.#read.set(made, JSON.parse(JSON.stringify(data)));
    return made;
  }

  async set(id, data, done) {
    const before = this.#read.get(data);
    if (!before) return super.set(id, data, done);
    const changed = Object.entries(data).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
    const fields = Object.fromEntries(changed.filter(([name]) => name !== "cookie"));
    await client.eval(MERGE, { keys: [this.prefix + id], arguments: [JSON.stringify(fields)] });
    done?.();
  }
}

const Store = process.env.STORE === "merge" ? MergingStore : RedisStore;
const app = express();
app.use(session({ store: new Store({ client }), secret: "local", resave: false, saveUninitialized: false }));
const known = (request, response, next) => (request.session.user ? next() : response.sendStatus(401));

app.post("/login", (request, response) => { request.session.user = "alice"; response.json({ ok: true }); });
app.get("/me", known, ({ session: { cookie, ...data } }, response) => response.json(data));
app.post("/set", known, (request, response) => { Object.assign(request.session, request.query); response.json({ ok: true }); });
app.post("/logout", known, (request, response) => request.session.destroy(() => response.json({ ok: true })));
app.listen(process.env.PORT, "127.0.0.1");

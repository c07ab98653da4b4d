import Koa from "koa";
import createStore from "koa-redis";
import koaSession from "koa-session";

const session = koaSession.createSession ?? koaSession.default ?? koaSession;
const app = new Koa();
app.keys = ["local"];
app.use(session({ store: createStore({ url: process.env.REDIS_URL }) }, app));
app.use(async (context) => {
  context.body = { ok: true };
  if (context.path === "/ready") return;
  if (context.path === "/login") {
    context.session.user = "alice";
  } else if (!context.session.user) {
    context.status = 401;
    context.body = { ok: false };
  } else if (context.path === "/set") {
    Object.assign(context.session, context.query);
  } else if (context.path === "/logout") {
    context.session = null;
  } else {
    context.body = context.session.toJSON();
  }
});
app.listen(process.env.PORT, "127.0.0.1");

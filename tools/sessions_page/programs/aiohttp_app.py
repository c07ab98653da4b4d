import os

import redis.asyncio as redis
from aiohttp import web
from aiohttp_session import get_session, setup
from aiohttp_session.redis_storage import RedisStorage


async def ready(request):
    return web.json_response({})


async def login(request):
    (await get_session(request))["user"] = "alice"
    return web.json_response({"ok": True})


async def known(request):
    session = await get_session(request)
    if "user" not in session:
        raise web.HTTPUnauthorized
    return session


async def me(request):
    return web.json_response(dict(await known(request)))


async def change(request):
    (await known(request)).update(request.query)
    return web.json_response({"ok": True})


async def logout(request):
    (await known(request)).invalidate()
    return web.json_response({"ok": True})


app = web.Application()
setup(app, RedisStorage(redis.Redis.from_url(os.environ["REDIS_URL"])))
app.add_routes(
    [
        web.get("/ready", ready),
        web.post("/login", login),
        web.get("/me", me),
        web.post("/set", change),
        web.post("/logout", logout),
    ]
)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)

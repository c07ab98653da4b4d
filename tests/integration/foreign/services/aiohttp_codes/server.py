"""One-time codes by aiohttp and redis.asyncio: SET EX, then GETDEL. An unknown code is a 410.

CODES=redis keeps them in Redis, else in a dict. CODES_NAMESPACE is the prefix; CODES_TTL=0: never expiring.
Where Redis raises, aiohttp answers its own 500.
"""

import json
import os
import secrets
import sys

import redis.asyncio
from aiohttp import web  # type: ignore[import-not-found]

NAMESPACE = os.environ.get("CODES_NAMESPACE", "otp")
TTL = int(os.environ.get("CODES_TTL", "120"))
IN_REDIS = os.environ.get("CODES") == "redis"
MEMORY: dict[str, str] = {}
STORE = redis.asyncio.Redis(
    host=os.environ.get("REDIS_HOST", ""), port=int(os.environ.get("REDIS_PORT") or 6379), socket_timeout=1.0
)


async def send(request: web.Request) -> web.Response:
    """Open: a code is sent, its id is answered."""
    handle, digits = secrets.token_urlsafe(18), "271828"
    if IN_REDIS:
        await STORE.set(f"{NAMESPACE}:{handle}", json.dumps({"code": digits}), ex=TTL or None)
    else:
        MEMORY[handle] = digits
    return web.json_response({"result": {"handle": handle}}, status=201)


async def confirm(request: web.Request) -> web.Response:
    """Use: the code is taken out, whether it was right or not."""
    body = await request.json()
    handle = str(body.get("handle", ""))
    if IN_REDIS:
        document = await STORE.getdel(f"{NAMESPACE}:{handle}")
        digits = json.loads(document)["code"] if document else None
    else:
        digits = MEMORY.pop(handle, None)
    if digits is None:
        return web.json_response({"title": "Gone", "detail": "this code is not known"}, status=410)
    return web.json_response({"result": {"confirmed": body.get("code") == digits}})


async def health(request: web.Request) -> web.Response:
    """The health check."""
    return web.Response(text="ok")


app = web.Application()
app.add_routes([web.get("/", health), web.post("/codes", send), web.post("/codes/confirm", confirm)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)

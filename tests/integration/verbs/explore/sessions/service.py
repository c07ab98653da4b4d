"""A small service with sessions in Redis, read and written as session libraries do it.

STORE says how a change is written: plain (the whole session), xx (SET … XX), merge (a script that changes
only what was changed).
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Annotated

import redis
from fastapi import Body, FastAPI, Header, Request, Response

CONNECTION = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
MERGE = CONNECTION.register_script("""
    local old = redis.call('GET', KEYS[1])
    if not old then return 0 end
    local all = cjson.decode(old)
    for name, value in pairs(cjson.decode(ARGV[1])) do all[name] = value end
    redis.call('SET', KEYS[1], cjson.encode(all), 'KEEPTTL')
    return 1""")
OPENED_HERE: set[str] = set()
"""The sessions that this pod opened: what only it knows."""
app = FastAPI()


def key(request: Request) -> str:
    return f"sess:{request.cookies.get('sid', '')}"


def load(request: Request) -> dict[str, str] | None:
    text = CONNECTION.get(key(request))
    return None if text is None else json.loads(text)


@app.get("/ready")
def ready() -> Response:
    return Response()


@app.post("/login")
def login(
    response: Response, user: Annotated[str, Body(embed=True)], x_tenant: Annotated[str, Header()]
) -> dict[str, bool]:
    """Refused without the body and the header: both must reach it as devenv.toml has them."""
    sid = secrets.token_hex(8)
    CONNECTION.set(f"sess:{sid}", json.dumps({"user": f"{user} of {x_tenant}"}), ex=600)
    OPENED_HERE.add(sid)
    with Path("opened.txt").open("a", encoding="utf-8") as file:  # in the pod's copy of the folder
        file.write(f"{sid}\n")
    response.set_cookie("sid", sid)
    return {"ok": True}


@app.get("/account")
def account(request: Request) -> Response:
    """Known only to somebody who is logged in, and shows nothing of the session: no request to ask by."""
    return Response(status_code=401 if load(request) is None else 200)


@app.get("/me")
def me(request: Request) -> Response:
    session = load(request)
    if session is None:
        return Response('{"error": "no session"}', 401)
    return Response(json.dumps({**session, "nonce": secrets.token_hex(4)}))


@app.post("/set")
def change(request: Request) -> Response:
    session = load(request)
    if session is None:
        return Response('{"error": "no session"}', 401)
    changes = dict(request.query_params)
    if STORE == "merge":
        MERGE([key(request)], [json.dumps(changes)])
    else:
        CONNECTION.set(key(request), json.dumps({**session, **changes}), ex=600, xx=STORE == "xx")
    return Response('{"ok": true}')


@app.post("/logout")
def logout(request: Request) -> Response:
    if load(request) is None:
        return Response('{"error": "no session"}', 401)
    CONNECTION.delete(key(request))
    return Response('{"ok": true}')


@app.post("/local")
def local(request: Request) -> Response:
    return Response(status_code=200 if request.cookies.get("sid", "") in OPENED_HERE else 404)


@app.post("/broken-logout")
def broken_logout() -> Response:
    return Response('{"ok": true}')

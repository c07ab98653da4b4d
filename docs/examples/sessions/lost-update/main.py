"""Preferences of a user, kept as one JSON text: two changes at once keep one.

STORE says how a change is written: plain (as it is), xx (SET … XX: looks right, the loss is the same),
merge (a script that changes only what was changed).
"""

import json
import os
import secrets

import redis
from fastapi import FastAPI, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
merge = connection.register_script("""
    local text = redis.call('GET', KEYS[1])
    if not text then return 0 end
    local all = cjson.decode(text)
    for name, value in pairs(cjson.decode(ARGV[1])) do all[name] = value end
    redis.call('SET', KEYS[1], cjson.encode(all), 'KEEPTTL')
    return 1""")
app = FastAPI()


def loaded(request: Request) -> tuple[str, dict[str, str]]:
    """The key of the request's session, and what is in it."""
    key = f"preferences:{request.cookies.get('sid')}"
    text = connection.get(key)
    if text is None:
        raise HTTPException(401)
    return key, json.loads(text)


@app.post("/login")
def login(response: Response) -> None:
    sid = secrets.token_hex(16)
    connection.set(f"preferences:{sid}", json.dumps({"user": "alice"}), ex=3600)
    response.set_cookie("sid", sid)


@app.get("/preferences")
def preferences(request: Request) -> dict[str, str]:
    return loaded(request)[1]


@app.put("/preferences")
def change(request: Request, changes: dict[str, str]) -> None:
    key, all_of_them = loaded(request)
    if STORE == "merge":
        merge([key], [json.dumps(changes)])
    else:
        connection.set(key, json.dumps(all_of_them | changes), ex=3600, xx=STORE == "xx")

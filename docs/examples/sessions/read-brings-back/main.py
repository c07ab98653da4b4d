"""A session that lives on with every request, by writing it again: a mere read brings it back after a logout.

STORE: plain (as it is), expire (a read moves the key's time and writes nothing).
"""

import json
import os
import secrets

import redis
from fastapi import FastAPI, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
app = FastAPI()


def loaded(request: Request) -> tuple[str, dict[str, str]]:
    """The key of the request's session, and what is in it; it lives another hour."""
    key = f"session:{request.cookies.get('sid')}"
    text = connection.get(key)
    if text is None:
        raise HTTPException(401)
    if STORE == "expire":
        connection.expire(key, 3600)
    else:
        connection.set(key, text, ex=3600)
    return key, json.loads(text)


@app.post("/login")
def login(response: Response) -> None:
    sid = secrets.token_hex(16)
    connection.set(f"session:{sid}", json.dumps({"user": "alice"}), ex=3600)
    response.set_cookie("sid", sid)


@app.get("/me")
def me(request: Request) -> dict[str, str]:
    return loaded(request)[1]


@app.post("/logout")
def logout(request: Request) -> None:
    connection.delete(f"session:{request.cookies.get('sid')}")

"""A session behind a lock of its own. The logout gives the lock back before it deletes, and a change comes
between.

STORE: plain (as it is), early (also a change gives the lock back before it writes: looks right, as it reads
under the lock), inside (everything happens under the lock).
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from fastapi import FastAPI, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
app = FastAPI()


@contextmanager
def locked(key: str) -> Iterator[None]:
    """Nobody else has the session meanwhile."""
    with connection.lock(f"{key}:lock", timeout=30, sleep=0.01, blocking_timeout=10):
        yield


def key_of(request: Request) -> str:
    return f"session:{request.cookies.get('sid')}"


def loaded(key: str) -> dict[str, str]:
    text = connection.get(key)
    if text is None:
        raise HTTPException(401)
    return json.loads(text)


@app.post("/login")
def login(response: Response) -> None:
    sid = secrets.token_hex(16)
    connection.set(f"session:{sid}", json.dumps({"user": "alice"}), ex=3600)
    response.set_cookie("sid", sid)


@app.get("/me")
def me(request: Request) -> dict[str, str]:
    return loaded(key_of(request))


@app.post("/set")
def change(request: Request) -> None:
    key, changes = key_of(request), dict(request.query_params)
    with locked(key):
        session = loaded(key) | changes
        if STORE != "early":
            connection.set(key, json.dumps(session), ex=3600)
    if STORE == "early":
        connection.set(key, json.dumps(session), ex=3600)


@app.post("/logout")
def logout(request: Request) -> None:
    key = key_of(request)
    with locked(key):
        loaded(key)
        if STORE == "inside":
            connection.delete(key)
    if STORE != "inside":
        connection.delete(key)

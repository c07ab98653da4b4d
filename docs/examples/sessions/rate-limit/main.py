"""Two requests a minute. The first in a minute is told by GET and starts the count: two that are first at
once count as one, and the limit lets three pass.

STORE: plain (as it is), incr (INCR counts, and who counted 1 sets the time).
"""

import os
import secrets

import redis
from fastapi import FastAPI, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
LIMIT = 2
app = FastAPI()


def key_of(request: Request) -> str:
    return f"rate:{request.cookies.get('client')}"


@app.post("/client")
def client(response: Response) -> None:
    response.set_cookie("client", secrets.token_hex(16))


@app.get("/left")
def left(request: Request) -> dict[str, int]:
    return {"left": max(0, LIMIT - int(connection.get(key_of(request)) or 0))}


@app.post("/work")
def work(request: Request) -> None:
    key = key_of(request)
    if STORE == "plain" and connection.get(key) is None:
        connection.set(key, 1, ex=60)
        return
    count = connection.incr(key)
    if count == 1:
        connection.expire(key, 60)
    if count > LIMIT:
        raise HTTPException(429)

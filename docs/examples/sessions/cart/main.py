"""A shopping cart as one JSON text: two clicks on "add" at once add one.

STORE: plain (as it is), watch-wrong (looks right: WATCH and EXEC, but on the key of the cart's owner, which
nobody writes), watch (on the key that is read), hash (HINCRBY: nothing is read at all).
"""

import json
import os
import secrets

import redis
from fastapi import FastAPI, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
STORE = os.environ.get("STORE", "plain")
app = FastAPI()


@app.post("/carts")
def new(response: Response) -> None:
    number = secrets.token_hex(16)
    connection.set(f"cart:{number}:owner", "alice", ex=3600)
    response.set_cookie("cart", number)


@app.get("/cart")
def cart(request: Request) -> dict[str, int]:
    key = f"cart:{request.cookies.get('cart')}"
    if STORE == "hash":
        return {name: int(count) for name, count in connection.hgetall(key).items()}
    return json.loads(connection.get(key) or "{}")


@app.post("/cart/{item}")
def add(request: Request, item: str) -> None:
    key = f"cart:{request.cookies.get('cart')}"
    if STORE == "hash":
        connection.hincrby(key, item, 1)
        return
    with connection.pipeline() as pipeline:
        while True:
            if STORE != "plain":
                pipeline.watch(f"{key}:owner" if STORE == "watch-wrong" else key)
            items = json.loads(connection.get(key) or "{}")
            items[item] = items.get(item, 0) + 1
            pipeline.multi()
            pipeline.set(key, json.dumps(items), ex=3600)
            try:
                pipeline.execute()
                return
            except redis.WatchError:
                continue

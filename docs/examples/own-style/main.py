"""A captcha-api in a style of its own: one file, async handlers, redis.asyncio, its own paths and fields.

Every request needs X-Client-Id. Sessions lie in Redis where USE_REDIS=true, else in this process's memory.
Its .env names production, as such files do.
"""

import hashlib
import json
import os
import random
import secrets
from typing import Annotated

from dotenv import load_dotenv
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

load_dotenv()

PREFIX = os.getenv("REDIS_PREFIX", "own:")
TTL_S = int(os.getenv("CAPTCHA_TTL", "90"))
ANIMALS = ("cat", "dog", "owl", "fox", "bee", "cow")

app = FastAPI(title="own-style captcha")
memory: dict[str, str] = {}


def connect() -> Redis | RedisCluster | None:
    if os.getenv("USE_REDIS", "false").lower() != "true":
        return None
    client = RedisCluster if os.getenv("REDIS_CLUSTER", "false").lower() == "true" else Redis
    return client(
        host=os.getenv("REDIS_HOST", "redis.prod.example.invalid"),
        port=int(os.getenv("REDIS_PORT", "6379")),
        password=os.getenv("REDIS_PASSWORD") or None,
        decode_responses=True,
    )


store = connect()


async def keep(key: str, value: str) -> None:
    if store is None:
        memory[key] = value
    else:
        await store.set(key, value, ex=TTL_S)


async def find(key: str) -> str | None:
    return memory.get(key) if store is None else await store.get(key)


async def forget(key: str) -> None:
    if store is None:
        memory.pop(key, None)
    else:
        await store.delete(key)


class Solution(BaseModel):
    ticket: str
    picks: list[int]


ClientId = Annotated[str, Header()]


@app.get("/")
async def root() -> dict[str, str]:
    return {"service": "own-style", "flags": os.getenv("FEATURE_FLAGS_HOST", "")}


@app.post("/v2/puzzle", status_code=201)
async def puzzle(x_client_id: ClientId) -> dict:
    ticket = secrets.token_urlsafe(18)
    wanted = random.choice(ANIMALS)
    shown = [wanted, *(random.choice(ANIMALS) for _ in range(5))]
    random.shuffle(shown)
    await keep(PREFIX + ticket, json.dumps({"wanted": wanted, "shown": shown}))
    pictures = [hashlib.sha256(f"{ticket}{number}".encode()).hexdigest()[:8] for number in range(6)]
    return {"data": {"ticket": ticket, "wanted": wanted, "pictures": pictures, "expiresIn": TTL_S}}


@app.post("/v2/solve")
async def solve(solution: Solution, x_client_id: ClientId) -> dict:
    text = await find(PREFIX + solution.ticket)
    if text is None:
        raise HTTPException(410, {"code": "UNKNOWN_TICKET"})
    session = json.loads(text)
    right = {number for number, animal in enumerate(session["shown"]) if animal == session["wanted"]}
    passed = set(solution.picks) == right
    if passed:
        await forget(PREFIX + solution.ticket)
    return {"data": {"verdict": "pass" if passed else "fail"}}

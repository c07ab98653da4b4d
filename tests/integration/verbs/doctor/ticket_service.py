"""A small service that hands out tickets and takes them back. The tests run two pods of it.

Without TICKETS_URL it keeps all tickets in its memory; with it, in that Redis, by a plain client or, with
TICKETS_CLIENT=cluster, by a cluster client. With TICKETS_FALLBACK=1 it uses its memory where Redis fails.
"""

import os
import secrets
from typing import Any

import redis
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
memory: dict[str, str] = {}
url = os.environ.get("TICKETS_URL", "")
fallback = os.environ.get("TICKETS_FALLBACK") == "1"


def store() -> Any:
    if os.environ.get("TICKETS_CLIENT") == "cluster":
        return redis.RedisCluster.from_url(url, decode_responses=True)
    return redis.Redis.from_url(url, decode_responses=True)


class Ticket(BaseModel):
    ticket: str


@app.post("/tickets")
def open_ticket() -> dict[str, str]:
    number = secrets.token_hex(8)
    try:
        if not url:
            raise redis.RedisError
        store().set(f"ticket:{number}", "open", ex=60)
    except redis.RedisError:
        if url and not fallback:
            raise
        memory[number] = "open"
    return {"ticket": number}


@app.post("/tickets/use")
def use(item: Ticket) -> dict[str, str]:
    state = memory.get(item.ticket)
    if state is None and url:
        try:
            state = store().get(f"ticket:{item.ticket}")
        except redis.RedisError:
            if not fallback:
                raise
    if state is None:
        raise HTTPException(404, "no such ticket")
    return {"state": str(state)}

"""A small service that hands out tickets and takes them back. The tests run two pods of it.

Without TICKETS_URL it keeps all tickets in its memory; with it, in that Redis.
"""

import os
import secrets

import redis
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
memory: dict[str, str] = {}
url = os.environ.get("TICKETS_URL", "")
store = redis.Redis.from_url(url, decode_responses=True) if url else None


class Ticket(BaseModel):
    ticket: str


@app.post("/tickets")
def open_ticket() -> dict[str, str]:
    number = secrets.token_hex(8)
    if store is None:
        memory[number] = "open"
    else:
        store.set(f"ticket:{number}", "open", ex=60)
    return {"ticket": number}


@app.post("/tickets/use")
def use(item: Ticket) -> dict[str, str]:
    state = memory.get(item.ticket) if store is None else store.get(f"ticket:{item.ticket}")
    if state is None:
        raise HTTPException(404, "no such ticket")
    return {"state": str(state)}

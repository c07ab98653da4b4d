"""A session store with a lock of two commands: TTL, then SETEX. Both requests can be given it.

Two wrong answers at once: each reads attempts 0, each writes 1; the first to end deletes the other's lock.
"""

import json
import os
import secrets
import time
from typing import Any

import redis
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = FastAPI()
store = redis.Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), decode_responses=True)
TRIES, LOCK_SECONDS, TTL = 3, 10, 60


class Answer(BaseModel):
    ticket: str
    sum: int


@app.get("/ready")
def ready() -> dict[str, bool]:
    return {"ok": True}


@app.post("/quiz")
def quiz() -> dict[str, Any]:
    ticket = secrets.token_hex(16)
    store.setex(f"quiz:{ticket}", TTL, json.dumps({"sum": 7, "attempts": 0}))
    return {"ticket": ticket, "question": "3 + 4"}


@app.post("/quiz/solve")
def solve(answer: Answer) -> Any:
    key, lock = f"quiz:{answer.ticket}", f"quiz:{answer.ticket}:lock"
    for _ in range(TRIES):
        if store.ttl(lock) <= 0:  # nobody has it
            store.setex(lock, LOCK_SECONDS, "held")  # and now we have: so think two at once
            break
        time.sleep(0.02)
    else:
        return JSONResponse({"ok": False, "error": "busy"}, 503)
    try:
        text = store.get(key)
        if text is None:
            return {"ok": False, "error": "no such ticket"}
        session = json.loads(text)
        session["attempts"] += 1
        if answer.sum == session["sum"]:
            store.delete(key)
            return {"ok": True, "attempts": session["attempts"]}
        if session["attempts"] >= 2:
            store.delete(key)
        else:
            store.setex(key, TTL, json.dumps(session))
        return {"ok": False, "attempts": session["attempts"]}
    finally:
        store.delete(lock)

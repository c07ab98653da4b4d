"""A service that reads its session and writes it back with SETEX, without MULTI: attempts get lost.

``USE_REDIS=false`` keeps the sessions in a dict of the process. There is no /ready.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

import redis
from fastapi import FastAPI

app = FastAPI()
IN_REDIS = os.environ.get("USE_REDIS") == "true"
store = redis.Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), decode_responses=True)
memory: dict[str, str] = {}
TTL_SECONDS, LIMIT = 60, 2


def load(ticket: str) -> dict[str, Any] | None:
    """The session's document."""
    text: Any = store.get(f"sess:{ticket}") if IN_REDIS else memory.get(ticket)
    return None if text is None else json.loads(text)


def save(ticket: str, session: dict[str, Any]) -> None:
    """Write the session's document."""
    if IN_REDIS:
        store.setex(f"sess:{ticket}", TTL_SECONDS, json.dumps(session))
    else:
        memory[ticket] = json.dumps(session)


def drop(ticket: str) -> None:
    """End the session."""
    if IN_REDIS:
        store.delete(f"sess:{ticket}")
    else:
        memory.pop(ticket, None)


@app.post("/tickets")
def create() -> dict[str, Any]:
    """Open a session."""
    ticket = secrets.token_hex(10)
    save(ticket, {"sum": {"right": 7}, "tries": 0})
    return {"ticket": ticket, "question": "3 + 4"}


@app.post("/answers")
def answer(body: dict[str, Any]) -> dict[str, Any]:
    """Answer it: at most twice."""
    session = load(body["ticket"])
    if session is None:
        return {"ok": False, "error": "no such ticket"}
    session["tries"] += 1
    right = body["sum"] == session["sum"]["right"]
    if right or session["tries"] >= LIMIT:
        drop(body["ticket"])
    else:
        save(body["ticket"], session)
    return {"ok": right, "tries": session["tries"]}

"""A service whose session takes one answer: GETDEL takes it out, and whoever comes later finds nothing."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

import redis
from fastapi import FastAPI, HTTPException

app = FastAPI()
store = redis.Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), decode_responses=True)
TTL_SECONDS = 60


@app.post("/riddles", status_code=201)
def create() -> dict[str, Any]:
    """Open a riddle."""
    riddle = secrets.token_urlsafe(12)
    store.set(f"riddle/{riddle}", json.dumps({"solution": "echo"}), ex=TTL_SECONDS)
    return {"riddle": riddle, "question": "What answers without being asked?"}


@app.put("/riddles/{riddle}")
def solve(riddle: str, body: dict[str, str]) -> dict[str, Any]:
    """Answer it, once."""
    text = store.getdel(f"riddle/{riddle}")
    if text is None:
        raise HTTPException(410, "this riddle is closed")
    right = body["answer"] == json.loads(str(text))["solution"]
    return {"verdict": "solved" if right else "failed"}

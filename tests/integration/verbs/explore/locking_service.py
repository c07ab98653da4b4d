"""A service that guards its Redis commands with a lock inside the process; for test_arena."""

from __future__ import annotations

import os
import threading
from typing import Any

import redis
from fastapi import FastAPI

app = FastAPI()
_client = redis.Redis(port=int(os.environ["REDIS_PORT"]))
_locks = {True: threading.Lock(), False: threading.Lock()}


@app.post("/count")
def count(body: dict[str, Any]) -> dict[str, Any]:
    """Read and write the count; with ``lock`` nobody else meanwhile, in this process."""
    key = f"count:{body['challenge_id']}"
    lock = _locks[True] if body.get("lock") else threading.Lock()
    with lock:
        stored: Any = _client.get(key)
        value = int(stored or 0) + 1
        _client.set(key, value)
    return {"count": value}


@app.post("/spin")
def spin(body: dict[str, Any]) -> dict[str, Any]:
    """A lock in Redis, asked for again and again."""
    key = f"count:{body['challenge_id']}:lock"
    while not _client.set(key, "1", nx=True, ex=60):
        pass
    _client.delete(key)
    return {}


@app.post("/idle")
def idle() -> dict[str, Any]:
    """Not a single command."""
    return {}

"""A quiz of three tries in database 3, under a key that is the SHA-256 of its id.

With CLIENT=cluster it has a cluster client.
"""

import hashlib
import os
import secrets
from typing import Any

import redis
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from redis.cluster import ClusterNode, RedisCluster

app = FastAPI()
memory: dict[str, int] = {}
HOST, PORT = os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"])
store: Any = None
if os.getenv("USE_REDIS") == "true":
    if os.getenv("CLIENT") == "cluster":
        nodes = [ClusterNode(HOST, PORT)]  # type: ignore[no-untyped-call]
        store = RedisCluster(startup_nodes=nodes, decode_responses=True)
    else:
        store = redis.Redis(host=HOST, port=PORT, db=3, decode_responses=True)


class Guess(BaseModel):
    quiz_id: str
    number: int
    locale: str


def key(quiz_id: str) -> str:
    return f"quiz:{hashlib.sha256(quiz_id.encode()).hexdigest()}"


@app.post("/quizzes")
def open_quiz() -> dict[str, str]:
    quiz_id = secrets.token_hex(12)
    if store is None:
        memory[quiz_id] = 0
    else:
        store.hset(key(quiz_id), "tries", 0)
        store.expire(key(quiz_id), 600)
    return {"quiz_id": quiz_id}


@app.post("/quizzes/check")
def check(guess: Guess) -> dict[str, bool]:
    tries = memory.get(guess.quiz_id) if store is None else store.hget(key(guess.quiz_id), "tries")
    if tries is None:
        raise HTTPException(410, "no such quiz")
    if int(tries) >= 2 and store is not None:
        store.delete(key(guess.quiz_id))
    elif int(tries) >= 2:
        del memory[guess.quiz_id]
    elif store is None:
        memory[guess.quiz_id] += 1
    else:
        store.hincrby(key(guess.quiz_id), "tries", 1)
    return {"right": guess.number == 7}

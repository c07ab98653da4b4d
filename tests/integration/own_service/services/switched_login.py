"""A login whose sessions USE_REDIS moves from the memory of the process to Redis."""

import json
import os
import secrets
from typing import Any

from fastapi import Cookie, FastAPI, HTTPException, Response
from redis import Redis

app = FastAPI(openapi_url=None)
kept: dict[str, str] = {}
redis = (
    Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]))
    if os.getenv("USE_REDIS") == "true"
    else None
)


def keep(sid: str, session: dict[str, Any]) -> None:
    text = json.dumps(session)
    if redis is None:
        kept[sid] = text
    else:
        redis.set(f"sess:{sid}", text, ex=600)


def session_of(sid: str) -> dict[str, Any]:
    text = kept.get(sid) if redis is None else redis.get(f"sess:{sid}")
    if not text:
        raise HTTPException(403, "please sign in")
    session: dict[str, Any] = json.loads(text)
    return session


@app.post("/login")
def login(response: Response) -> dict[str, bool]:
    sid = secrets.token_urlsafe(24)
    keep(sid, {"user": "kim"})
    response.set_cookie("sid", sid)
    return {"ok": True}


@app.get("/me")
def me(sid: str = Cookie("")) -> dict[str, Any]:
    return session_of(sid)


@app.post("/logout")
def logout(sid: str = Cookie("")) -> dict[str, bool]:
    if redis is None:
        kept.pop(sid, None)
    else:
        redis.delete(f"sess:{sid}")
    return {"ok": True}

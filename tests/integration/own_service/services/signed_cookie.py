"""A web session as itsdangerous signs it: the cookie is ID.SIGNATURE, the key in Redis has the id alone."""

import base64
import hashlib
import hmac
import os
import secrets

import redis
from fastapi import Cookie, FastAPI, HTTPException, Response

app = FastAPI(openapi_url=None)
memory: dict[str, str] = {}
store = (
    redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), decode_responses=True)
    if os.getenv("USE_REDIS") == "true"
    else None
)


def signature(sid: str) -> str:
    mac = hmac.new(b"the same secret on every pod", sid.encode(), hashlib.sha1).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


@app.post("/login")
def login(response: Response) -> dict[str, bool]:
    sid = secrets.token_urlsafe(24)
    if store is None:
        memory[sid] = "0"
    else:
        store.set(f"sess:{sid}", "0", ex=600)
    response.set_cookie("sid", f"{sid}.{signature(sid)}", httponly=True)
    return {"ok": True}


@app.post("/visits")
def visits(sid: str | None = Cookie(None)) -> dict[str, int]:
    name, _, mac = (sid or "").rpartition(".")
    if not hmac.compare_digest(mac, signature(name)):
        raise HTTPException(401, "no such session")
    known = memory.get(name) if store is None else store.get(f"sess:{name}")
    if known is None:
        raise HTTPException(401, "no such session")
    count = int(str(known)) + 1
    if store is None:
        memory[name] = str(count)
    else:
        store.set(f"sess:{name}", str(count), ex=600)
    return {"visits": count}

"""Tickets of two tries, always in Redis. Ids are signed; a key is an HMAC of the id, which nobody can tell.

A ticket with a wrong signature is answered 401, one that is no longer there 410.
"""

import hashlib
import hmac
import os
import secrets

import redis
from fastapi import FastAPI, HTTPException, Request

app = FastAPI(openapi_url=None)
store = redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), decode_responses=True)


def mac(purpose: str, text: str) -> str:
    return hmac.new(purpose.encode(), text.encode(), hashlib.sha256).hexdigest()


@app.post("/tickets")
def open_ticket() -> dict[str, str]:
    number = secrets.token_hex(8)
    store.set(mac("key", number), 0, ex=60)
    return {"ticket": f"{number}.{mac('signature', number)[:16]}"}


@app.post("/tickets/use")
async def use(request: Request) -> dict[str, bool]:
    body = await request.json()
    number, _, signature = body["ticket"].partition(".")
    if signature != mac("signature", number)[:16]:
        raise HTTPException(401, "not ours")
    if not isinstance(body["word"], str):
        raise HTTPException(422, "word is a text")
    if not store.exists(mac("key", number)):
        raise HTTPException(410, "gone")
    if store.incr(mac("key", number)) >= 2:
        store.delete(mac("key", number))
    return {"accepted": body["word"] == "blue"}

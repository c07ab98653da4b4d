"""A payment with an Idempotency-Key: the client sends it again, and pays twice when both are under way.

STORE: plain (as it is: look for the result, pay, keep the result), claim (SET NX takes the key before paying;
the other one is told 409).
"""

import os
import secrets

import redis
from fastapi import FastAPI, Header, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
STORE = os.environ.get("STORE", "plain")
UNDER_WAY = "under way"
app = FastAPI()


@app.post("/accounts")
def account(response: Response) -> None:
    number = secrets.token_hex(16)
    connection.set(f"account:{number}", 100, ex=3600)
    response.set_cookie("account", number)


@app.get("/balance")
def balance(request: Request) -> dict[str, int]:
    return {"balance": int(connection.get(f"account:{request.cookies.get('account')}") or 0)}


@app.post("/pay")
def pay(request: Request, idempotency_key: str = Header()) -> dict[str, str]:
    number = request.cookies.get("account")
    key = f"payment:{number}:{idempotency_key}"
    if STORE == "claim":
        first = connection.set(key, UNDER_WAY, nx=True, ex=3600)
        result = None if first else connection.get(key)
    else:
        result = connection.get(key)
    if result == UNDER_WAY:
        raise HTTPException(409, "this payment is under way")
    if result is None:
        connection.decrby(f"account:{number}", 10)
        connection.set(key, "paid", ex=3600)
    return {"payment": "paid"}

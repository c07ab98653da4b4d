"""A shop's basket: a web session as most services have it, its id in a cookie. The tests run two pods."""

import json
import os
import secrets
import time

import redis
from fastapi import Cookie, FastAPI, HTTPException, Response
from pydantic import BaseModel

app = FastAPI()
memory: dict[str, str] = {}
store = (
    redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), decode_responses=True)
    if os.getenv("USE_REDIS") == "true"
    else None
)


class Item(BaseModel):
    item_id: int


@app.post("/baskets", status_code=201)
def open_basket(response: Response, shop_sid: str | None = Cookie(None)) -> dict[str, int | str]:
    """Who comes with a basket keeps it, as sessions do."""
    sid = shop_sid or secrets.token_hex(16)
    keep(sid, [])
    response.set_cookie("theme", "dark")
    response.set_cookie("shop_sid", sid, httponly=True, max_age=600)
    return {"opened": time.time_ns(), "items": 0}


@app.put("/baskets/items")
def add(item: Item, shop_sid: str | None = Cookie(None)) -> dict[str, int | str]:
    text = (memory.get(shop_sid or "") if store is None else store.get(f"basket:{shop_sid}")) or None
    if text is None:
        raise HTTPException(401, "no such basket")
    items = [*json.loads(text)["items"], item.item_id]
    keep(shop_sid or "", items)
    return {"state": "added", "items": len(items)}


def keep(sid: str, items: list[int]) -> None:
    """With the time of the last use, as session libraries keep it."""
    text = json.dumps({"items": items, "used": time.time()})
    if store is None:
        memory[sid] = text
    else:
        store.setex(f"basket:{sid}", 600, text)

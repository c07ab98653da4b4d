import os

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore

app = FastAPI()
app.add_middleware(SessionAutoloadMiddleware)
app.add_middleware(SessionMiddleware, store=RedisStore(os.environ["REDIS_URL"]), cookie_https_only=False)


@app.get("/ready")
async def ready():
    return {}


@app.post("/login")
async def login(request: Request):
    request.session["user"] = "alice"
    return {"ok": True}


def known(request):
    if "user" not in request.session:
        raise HTTPException(401)
    return request.session


@app.get("/me")
async def me(request: Request):
    return dict(known(request))


@app.post("/set")
async def change(request: Request):
    known(request).update(request.query_params)
    return {"ok": True}


@app.post("/logout")
async def logout(request: Request):
    known(request).clear()
    return {"ok": True}


uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")

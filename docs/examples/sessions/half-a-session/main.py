"""A session in two places, a row in a database and its copy in Redis, which is asked first.

A change that is under way writes the copy after the logout has removed row and copy: half a session is left,
good for every read and refused at every change. STORE: plain (as it is), tombstone (the logout leaves a mark
in Redis, and no copy is written over it).
"""

import json
import os
import secrets
import sqlite3
from pathlib import Path

import redis
from fastapi import FastAPI, HTTPException, Request, Response

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
STORE = os.environ.get("STORE", "plain")
SET = "redis.call('SET', KEYS[1], ARGV[1], 'EX', 3600)"
PUT = {"plain": SET, "tombstone": f"if redis.call('GET', KEYS[1]) ~= 'gone' then {SET} end"}
put_copy = connection.register_script(PUT[STORE])
# A file for all pods (shared-folder in devenv.toml), as a database is.
rows = sqlite3.connect(
    Path(__file__).with_name("sessions.sqlite"), check_same_thread=False, isolation_level=None
)
rows.execute("CREATE TABLE IF NOT EXISTS sessions (sid TEXT PRIMARY KEY, data TEXT)")
app = FastAPI()


def key_of(request: Request) -> tuple[str, str]:
    """The session's id, and the key of its copy."""
    sid = request.cookies.get("sid", "")
    return sid, f"session:{sid}"


def loaded(sid: str, key: str) -> dict[str, str]:
    """From the copy, else from the row, of which a copy is then made."""
    text = connection.get(key)
    if text == b"gone":
        raise HTTPException(401)
    if text is None:
        row = rows.execute("SELECT data FROM sessions WHERE sid = ?", (sid,)).fetchone()
        if row is None:
            raise HTTPException(401)
        text = row[0]
        put_copy([key], [text])
    return json.loads(text)


@app.post("/login")
def login(response: Response) -> None:
    sid = secrets.token_hex(16)
    text = json.dumps({"user": "alice"})
    rows.execute("INSERT INTO sessions VALUES (?, ?)", (sid, text))
    put_copy([f"session:{sid}"], [text])
    response.set_cookie("sid", sid)


@app.get("/me")
def me(request: Request) -> dict[str, str]:
    return loaded(*key_of(request))


@app.post("/set")
def change(request: Request) -> None:
    sid, key = key_of(request)
    text = json.dumps(loaded(sid, key) | dict(request.query_params))
    if not rows.execute("UPDATE sessions SET data = ? WHERE sid = ?", (text, sid)).rowcount:
        raise HTTPException(400, "the session was ended")
    put_copy([key], [text])


@app.post("/logout")
def logout(request: Request) -> None:
    sid, key = key_of(request)
    rows.execute("DELETE FROM sessions WHERE sid = ?", (sid,))
    if STORE == "tombstone":
        connection.set(key, "gone", ex=3600)
    else:
        connection.delete(key)

"""Flask-Session: in Redis with SESSIONS=redis, else in files beside the code (cachelib)."""

import os

from cachelib.file import FileSystemCache  # type: ignore[import-not-found]
from flask import Flask, jsonify, session  # type: ignore[import-not-found]
from flask_session import Session  # type: ignore[import-not-found]
from redis import Redis

app = Flask(__name__)
if os.environ.get("SESSIONS") == "redis":
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=Redis.from_url(os.environ["REDIS_URL"]))
else:
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache("flask_session"))
Session(app)


@app.post("/login")
def login():
    session["visits"] = 0
    return jsonify(ok=True)


@app.post("/visits")
def visits():
    if "visits" not in session:
        return jsonify(ok=False), 401
    session["visits"] += 1
    return jsonify(ok=True)


app.run("127.0.0.1", int(os.environ["PORT"]))

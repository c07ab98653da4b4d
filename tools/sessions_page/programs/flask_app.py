import os

import redis
from flask import Flask, jsonify, request, session
from flask_session import Session

app = Flask(__name__)
app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(os.environ["REDIS_URL"]))
Session(app)


@app.before_request
def known():
    if request.path not in ("/ready", "/login") and "user" not in session:
        return jsonify(ok=False), 401


@app.get("/ready")
def ready():
    return jsonify()


@app.post("/login")
def login():
    session["user"] = "alice"
    return jsonify(ok=True)


@app.get("/me")
def me():
    return jsonify(dict(session))


@app.post("/set")
def change():
    session.update(request.args.to_dict())
    return jsonify(ok=True)


@app.post("/logout")
def logout():
    session.clear()
    return jsonify(ok=True)


app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)

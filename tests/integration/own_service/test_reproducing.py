"""A race in somebody's own service: found, and done again by the command that is printed."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support import devenv_run

SERVICE = """
import json, os, secrets
import redis
from fastapi import FastAPI

app = FastAPI()
store = redis.Redis(port=int(os.environ["REDIS_PORT"]))
STEM = "tickets/"


@app.post("/tickets")
def create():
    ticket = secrets.token_hex(16)
    store.setex(STEM + ticket + "/doc", 60, json.dumps({"attempts": 0}))
    return {"ticket": ticket}


@app.post("/answers")
def verify(body: dict):
    key = STEM + body["ticket"] + "/doc"
    text = store.get(key)
    if text is None:
        return {"success": False, "message": "Challenge not found"}
    attempts = json.loads(text)["attempts"] + 1
    if body["answer"] == "yes" or attempts > 1:
        store.delete(key)
    else:
        store.set(key, json.dumps({"attempts": attempts}), keepttl=True)
    return {"success": body["answer"] == "yes", "attempts": attempts}
"""
TOML = """
preset = "captcha"

[service]
app = "main:app"

[profile]
id = { field = "ticket" }

[profile.kinds.puzzle]
create = { path = "/tickets" }
verify = { path = "/answers", body = { ticket = "{id}", answer = "{answer}" } }
answers = { right = "yes", wrong = "no" }
"""


@pytest.mark.parametrize("redis", ["standalone", "cluster"])
def test_what_is_printed_does_it_again(tmp_path: Path, environment: dict[str, str], redis: str) -> None:
    service = SERVICE
    if redis == "cluster":
        service = SERVICE.replace("redis.Redis(port=", 'redis.RedisCluster(host="127.0.0.1", port=')
    (tmp_path / "main.py").write_text(service, encoding="utf-8")
    (tmp_path / "devenv.toml").write_text(TOML, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return devenv_run(tmp_path, environment, *words)

    explored = run("explore", "R+W+X", "--json", "--redis", redis)
    assert explored.returncode == 1, explored.stderr
    report = json.loads(explored.stdout)
    assert report["service"] == "main:app"
    assert "explore-own-R-W-X" in report["run"]
    stub = next(violation for violation in report["violations"] if violation["kind"] == "resurrected-key")
    assert (stub["confirmed"], stub["replayed"]) == (True, 3)
    assert "the guide store's" not in (tmp_path / stub["scenario_file"]).read_text(encoding="utf-8")
    again = run(*shlex.split(stub["reproduce"])[1:], "--json")
    assert again.returncode == 0, again.stdout + again.stderr

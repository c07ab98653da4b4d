"""A service of four kinds, its sessions in memory.

One kind works, one wants a token, one crashes when it is opened, one crashes when its session is missing.
"""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI, Header, HTTPException

app = FastAPI()
sessions: dict[str, str] = {}


def opened(kind: str) -> dict[str, Any]:
    """Open a session."""
    name = secrets.token_hex(8)
    sessions[name] = kind
    return {"session": name}


@app.post("/plain")
def plain() -> dict[str, Any]:
    """Open a session of the kind that works."""
    return opened("plain")


@app.post("/plain/check")
def check(body: dict[str, Any]) -> dict[str, Any]:
    """Use it."""
    if body["session"] not in sessions:
        return {"ok": False, "reason": "unknown session"}
    return {"ok": True}


@app.post("/members")
def members(x_member_token: str = Header(default="")) -> dict[str, Any]:
    """Open a session of the kind for members."""
    if not x_member_token:
        raise HTTPException(401, "X-Member-Token is missing")
    return opened("members")


@app.post("/broken")
def broken() -> dict[str, Any]:
    """Open a session of the kind whose template is not there."""
    with open("/nonexistent/broken-template.json") as file:  # noqa: PTH123 - as such services do
        return {"template": file.read()}


@app.post("/careless")
def careless() -> dict[str, Any]:
    """Open a session of the kind that does not look before it reads."""
    return opened("careless")


@app.post("/careless/check")
def careless_check(body: dict[str, Any]) -> dict[str, Any]:
    """Use it: KeyError where the session is not there."""
    return {"ok": bool(sessions[body["session"]])}

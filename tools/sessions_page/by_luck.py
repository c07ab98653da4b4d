"""The same requests without a gate: pairs sent at once to two pods, over and over, and what luck finds."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem

PAIRS = 60
_OK = 200


def pairs_by_luck(folder: Path, pairs: int = PAIRS) -> dict[str, int]:
    """In how many of ``pairs`` a change was lost, and in how many a logged-out session works again.

    ``folder`` has the service's devenv.toml. Raises EnvironmentProblem where its pods do not start.
    """
    _devenv(folder, "up", "-d", "--pods", "2")
    try:
        status = json.loads(_devenv(folder, "status", "--json"))
        pods = sorted(status["endpoints"]["pods"].values())
        began = time.monotonic()
        found = asyncio.run(_all(pods, pairs))
        return {**found, "pairs": pairs, "seconds": round(time.monotonic() - began)}
    finally:
        _devenv(folder, "down")


async def _all(pods: Sequence[str], pairs: int) -> dict[str, int]:
    lost = back = 0
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for _ in range(pairs):
            both_ok, left = await _pair(client, pods, ("POST", "/set?a=1"), ("POST", "/set?b=1"))
            lost += both_ok and not {"a", "b"} <= left.keys()
            both_ok, left = await _pair(client, pods, ("POST", "/set?a=1"), ("POST", "/logout"))
            back += both_ok and bool(left)
    return {"a+b": lost, "a+logout": back}


async def _pair(
    client: httpx.AsyncClient, pods: Sequence[str], first: tuple[str, str], second: tuple[str, str]
) -> tuple[bool, dict[str, Any]]:
    """Whether both were answered 200, and what GET /me then says (nothing: no session)."""
    client.cookies.clear()
    opened = await client.post(f"{pods[0]}/login")
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in opened.cookies.items())}

    async def send(pod: str, request: tuple[str, str]) -> httpx.Response:
        client.cookies.clear()
        return await client.request(request[0], pod + request[1], headers=cookie)

    answers = await asyncio.gather(send(pods[0], first), send(pods[1], second))
    left = await send(pods[0], ("GET", "/me"))
    both_ok = all(answer.status_code == _OK for answer in answers)
    return both_ok, left.json() if left.status_code == _OK else {}


def _devenv(folder: Path, *words: str) -> str:
    ports = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
    done = subprocess.run(
        [sys.executable, "-m", "devenv", *words],
        cwd=folder, env={**os.environ, **ports}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise EnvironmentProblem(f"devenv {words[0]}: {done.stdout[-200:]} {done.stderr[-200:]}")
    return done.stdout

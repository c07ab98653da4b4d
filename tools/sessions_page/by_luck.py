"""The same requests without a gate: pairs sent at once to two pods, over and over, and what luck finds.

What is right is asked of the service, as ``devenv explore`` asks it: an end that no sequence gives counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.service import COOKIE, Request
from devenv.core.model.session_profile import SessionProfile
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.meeting import parse_session_meeting, sequences
from devenv.core.serializability.oracle import Oracle
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.stack.files import SERVICE_FILE

PAIRS = 60


def pairs_by_luck(
    folder: Path, expressions: Sequence[str], env: Mapping[str, str] | None = None, pairs: int = PAIRS
) -> dict[str, int]:
    """By expression, in how many of ``pairs`` the end is that of no sequence; and ``seconds`` of all pairs.

    ``folder`` has the service's devenv.toml; ``env``: variables over its own. Raises EnvironmentProblem where
    its pods do not start.
    """
    service = parse_service((folder / SERVICE_FILE).read_text(encoding="utf-8"), folder)
    assert service.session is not None
    words = [word for name, value in (env or {}).items() for word in ("--env", f"{name}={value}")]
    _devenv(folder, "up", "-d", "--pods", "2", *words)
    try:
        status = json.loads(_devenv(folder, "status", "--json"))
        pods = sorted(status["endpoints"]["pods"].values())
        began = time.monotonic()
        counts = {
            expression: asyncio.run(_violations(pods, expression, service.session, pairs))
            for expression in expressions
        }
        return {**counts, "pairs": pairs, "seconds": round(time.monotonic() - began)}
    finally:
        _devenv(folder, "down")


async def _violations(pods: Sequence[str], expression: str, session: SessionProfile, pairs: int) -> int:
    """The pairs whose end is a violation."""
    oracle = Oracle(parse_session_meeting(expression, session), session)
    count = len(oracle.meeting.members)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for sequence in sequences(count) * 2:
            oracle.play(sequence, await _run(client, pods, oracle, [[member] for member in sequence]))
        ends = [await _run(client, pods, oracle, [[*range(count)]]) for _ in range(pairs)]
    return sum(oracle.judge(end) is not None for end in ends)


async def _run(
    client: httpx.AsyncClient, pods: Sequence[str], oracle: Oracle, groups: Sequence[Sequence[int]]
) -> End[int]:
    """Open a session, send each group of requests at once, one group after the other, and ask."""
    session, cookies = oracle.session, dict[str, str]()

    async def send(pod: str, request: Request) -> httpx.Response:
        filled = request.fill(None)
        content, headers = filled.encoded()
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        client.cookies.clear()
        return await client.request(
            filled.method, pod + filled.path, content=content, headers={**headers, COOKIE: jar}
        )

    for request in session.open:
        cookies.update((await send(pods[0], request)).cookies)
    answers: dict[int, HttpAnswer] = {}
    for group in groups:
        members = [session.request(oracle.meeting.members[member].request).request for member in group]
        came = await asyncio.gather(
            *(send(pods[member], request) for member, request in zip(group, members, strict=True))
        )
        answers.update(zip(group, map(_answer, came), strict=True))
    return End(answers, _answer(await send(pods[0], session.ask)))


def _answer(response: httpx.Response) -> HttpAnswer:
    return HttpAnswer(response.status_code, response.content, response.headers.get("location", ""))


def _devenv(folder: Path, *words: str) -> str:
    ports = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
    done = subprocess.run(
        [sys.executable, "-m", "devenv", *words],
        cwd=folder, env={**os.environ, **ports}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise EnvironmentProblem(f"devenv {words[0]}: {done.stdout[-200:]} {done.stderr[-200:]}")
    return done.stdout

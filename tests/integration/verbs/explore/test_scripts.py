"""Scripts without a model: learned on the real Redis; and what cannot be learned."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

import httpx
import pytest
import redis

from devenv.core.model.errors import DevenvError
from devenv.core.model.ids import SessionKey
from devenv.core.model.vocabulary import Answer
from devenv.core.resp.values import Failure
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.expression import Participant, parse_meeting
from devenv.core.spec.keyspace import Hash, NotModelled, Text
from devenv.core.spec.learned_scripts import KeyState, LearnedScripts, ScriptCall, ScriptEffect
from devenv.verbs.explore.fixture import Fixture
from devenv.verbs.explore.learner import Learner
from devenv.wire.executor.codec import (
    script_call_from_json,
    script_call_to_json,
    script_effect_from_json,
    script_effect_to_json,
)
from devenv.wire.executor.jobs import ANY_ID, Scripted, ScriptedRun
from devenv.wire.executor.known_scripts import known_scripts
from devenv.wire.executor.pool import ExecutorPool
from devenv.wire.executor.redis_link import RedisLink
from devenv.wire.executor.script_trial import run_script
from devenv.wire.gate.server import Gate
from tests.support import ending_with_us, free_port, redis_command, until

KEY = f"rcaptcha:abstract:{ANY_ID}".encode()
OTHER = f"rcaptcha:lock:{ANY_ID}".encode()


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    command = redis_command(port, tmp_path_factory.mktemp("redis"))
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with redis.Redis(port=port) as client:
        until(lambda: pings(client), "redis-server answers")
    yield port
    child.kill()
    child.wait()


def pings(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


# --- one script -------------------------------------------------------------------------------------------


def tried(port: int, *calls: ScriptCall) -> list[Any]:
    """What each comes to, or why that cannot be told; nothing is left in Redis."""

    async def go() -> list[Any]:
        link = await RedisLink.open("127.0.0.1", port)
        matches: list[Any] = []
        for call in calls:
            assert script_call_from_json(script_call_to_json(call)) == call
            try:
                effect = await run_script(link, call)
            except NotModelled as problem:
                matches.append(problem.message)
                continue
            assert script_effect_from_json(script_effect_to_json(effect)) == effect
            matches.append(effect)
        link.close()
        return matches

    results = asyncio.run(go())
    with redis.Redis(port=port) as client:
        assert client.keys("*") == []
    return results


def lua(text: str, *before: KeyState, args: tuple[bytes, ...] = (), **others: KeyState) -> ScriptCall:
    beside = tuple((f"{name}:{ANY_ID}".encode(), state) for name, state in others.items())
    return ScriptCall((b"EVAL", text.encode()), (KEY, OTHER)[: len(before)], args, before, beside)


def session(data: str = "v", left: int | None = 60_000) -> KeyState:
    return KeyState(Text(data.encode()), left)


def fields(**values: str) -> KeyState:
    return KeyState(Hash(tuple((name.encode(), item.encode()) for name, item in values.items())), 900)


def test_what_a_script_does_is_seen(redis_port: int) -> None:
    name = f"its name is {ANY_ID}"
    kept, set_, gone, none, hashed, named, failed = tried(
        redis_port,
        lua("redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL') return 1", session(left=400), args=(b"w",)),
        lua("redis.call('SETEX', KEYS[1], 7, 'w') return {1, 'a', false}", session()),
        lua("return redis.call('DEL', KEYS[1], KEYS[2])", session(), session(left=None)),
        lua("redis.call('PERSIST', KEYS[1]) return redis.call('GET', KEYS[1])", session()),
        lua(
            "return redis.call('HINCRBY', KEYS[1], 'f', 2)", KeyState(Hash(((b"f", b"1"), (b"e", b"x"))), 900)
        ),
        lua(f"redis.call('SET', KEYS[1], '{name}') return redis.call('GET', KEYS[1])", KeyState()),
        lua("redis.call('SET', KEYS[1], 'w') return redis.call('INCR', KEYS[1])", session()),
    )
    assert kept == ScriptEffect(1, (session("w", 400),))
    assert set_ == ScriptEffect((1, b"a", None), (session("w", 7_000),))
    assert gone == ScriptEffect(2, (KeyState(), KeyState()))
    assert none == ScriptEffect(b"v", (session("v", None),))
    assert hashed == ScriptEffect(3, (fields(f="3", e="x"),))
    assert named == ScriptEffect(name.encode(), (session(name, None),))
    assert isinstance(failed.reply, Failure)
    assert failed.after == (session("w", None),)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lua("return redis.call('LPUSH', KEYS[1], 'x')", KeyState()), "leaves a key of a type"),
        (
            lua(f"return redis.call('SET', 'made:{ANY_ID}', 'x')", session()),
            f"makes made:{ANY_ID}, which is not among",
        ),
        (
            lua(f"return redis.call('DEL', 'seen:{ANY_ID}')", session(), seen=session()),
            f"changes seen:{ANY_ID}",
        ),
        (
            lua(f"return redis.call('GET', 'seen:{ANY_ID}')", session(), seen=session()),
            "reads keys that are not",
        ),
        (ScriptCall((b"EVALSHA", b"0" * 40), (KEY,), (), (session(),)), "does not know the script 000"),
    ],
)
def test_what_cannot_be_learned_is_said(redis_port: int, call: ScriptCall, why: str) -> None:
    [message] = tried(redis_port, call)
    assert isinstance(message, str)
    assert why in message


# --- a whole service --------------------------------------------------------------------------------------


class Near:
    """Asks an executor pool in this process: what ``Remote`` does through the control API."""

    def __init__(self, pool: ExecutorPool) -> None:
        self._pool = pool
        self.tried = 0

    async def scripted(self, jobs: Sequence[Scripted]) -> list[ScriptedRun]:
        return [self._got(item) for item in await self._pool.run(jobs, slots=8)]

    async def scripts(self, calls: Sequence[ScriptCall]) -> list[ScriptEffect]:
        self.tried += len(calls)
        return [self._got(item) for item in await self._pool.scripts(calls)]

    def _got(self, result: Any) -> Any:
        if isinstance(result, DevenvError):
            raise result
        return result


@pytest.fixture(scope="module")
def pod(redis_port: int) -> Iterator[tuple[int, int]]:
    """A pod with the atomic store, and the port at which it expects the gate."""
    gate_port, port = free_port(), free_port()
    env = {
        **os.environ, "USE_REDIS": "true", "SESSION_STRATEGY": "atomic", "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(gate_port), "REDIS_TIMEOUT_MS": "20000",
    }  # fmt: skip
    words = [sys.executable, "-m", "uvicorn", "devenv.captcha_api.app:app", "--port", str(port)]
    child = subprocess.Popen(
        ending_with_us(words), env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    until(lambda: healthy(port), "the pod is healthy")
    with redis.Redis(port=redis_port) as client:  # as after any first verify
        client.script_load(files("devenv.captcha_api.stores").joinpath("claim.lua").read_text("utf-8"))
    yield port, gate_port
    child.kill()
    child.wait()


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.HTTPError:
        return False


def ways(learner: Learner, cast: tuple[Participant, ...], runner: asyncio.Runner) -> tuple[int, set[Any]]:
    """How many traces a cast has, and in which ways they end."""
    learned = runner.run(learner.learn(cast))
    outcomes = set()
    result = SourceDpor(learned.system, lambda run, state: outcomes.add(learned.outcome(state))).search()
    return result.traces, outcomes


def test_our_script_without_its_model_gives_the_same(redis_port: int, pod: tuple[int, int]) -> None:
    port, gate_port = pod
    document = {
        "type": "abstract", "cid": ANY_ID, "target_class": "cat", "keywords": ["k"],
        "image_urls": ["u"] * 9, "is_positive": [True, False, True] * 3, "attempts": 0, "created_at": 1.5,
    }  # fmt: skip
    selected = {Answer.RIGHT: [0, 2, 3, 5, 6, 8], Answer.WRONG: [1, 4, 7], Answer.EMPTY: []}
    submissions = {answer: {"selections": item} for answer, item in selected.items()}
    fixture = Fixture(
        "abstract", SessionKey(KEY.decode()), json.dumps(document).encode(), submissions, 60_000, ("pod",)
    )
    matches: list[list[tuple[int, set[Any]]]] = []
    asked = []
    with asyncio.Runner() as runner:

        async def opened(scripts: Callable[[], LearnedScripts]) -> tuple[Gate, ExecutorPool, Learner, Near]:
            gate = Gate("127.0.0.1", redis_port)
            await gate.listen("pod", port=gate_port)
            pool = ExecutorPool(gate, {"pod": ("127.0.0.1", port)}, scripts())
            near: Any = Near(pool)
            return gate, pool, Learner(fixture, near, scripts()), near

        for scripts in (lambda: LearnedScripts(known_scripts()), LearnedScripts):
            gate, pool, learner, near = runner.run(opened(scripts))
            casts = [item for text in ("R+W+E", "R+W+X+A", "W+W+L") for item in parse_meeting(text).cast()]
            matches.append([ways(learner, cast, runner) for cast in casts])
            asked.append(near.tried)
            pool.close()
            runner.run(gate.close())
    with_model, without = matches
    assert without == with_model
    assert [traces for traces, _ in with_model][:2] == [6, 24]  # every order of so many scripts on one key
    assert asked[0] == 0
    assert 0 < asked[1] < 200
    with redis.Redis(port=redis_port) as client:
        assert client.keys("*") == []

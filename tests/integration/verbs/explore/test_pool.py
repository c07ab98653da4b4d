"""The executor pool on a user-provided service: held commands, waits for locks, what bypasses the gate."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive
from devenv.core.model.ids import SessionKey
from devenv.core.search.collecting import Budget, Collected
from devenv.core.search.expression import Participant, parse_meeting
from devenv.core.search.outcome import NOT_TRIED, Usual
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.verbs.explore.direct_mode import search
from devenv.wire.executor.job_context import Bypassed, Endless, NotQuiescent
from devenv.wire.executor.jobs import ANY_ID, Call, EventCall, Scheduled, ScheduledRun
from devenv.wire.executor.pod_control import PodControl
from devenv.wire.executor.pool import ExecutorPool
from devenv.wire.executor.quiescence import QuiescenceWatch, observable
from devenv.wire.gate.server import Gate
from tests.support import ending_with_us, free_port, redis_command, until

KEY = SessionKey(f"count:{ANY_ID}")


@dataclass
class Service:
    redis_port: int
    gate_port: int
    port: int
    pids: tuple[int, ...] = ()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real Redis, and the service as a process of its own that expects the gate at ``gate_port``."""
    ports = Service(free_port(), free_port(), free_port())
    folder = tmp_path_factory.mktemp("redis")
    redis = redis_command(ports.redis_port, folder)
    app = [sys.executable, "-m", "uvicorn", "locking_service:app", "--port", str(ports.port)]
    env = {**os.environ, "REDIS_PORT": str(ports.gate_port), "PYTHONPATH": str(Path(__file__).parent)}
    children = [
        subprocess.Popen(redis, stdout=subprocess.DEVNULL),
        subprocess.Popen(ending_with_us(app), env=env, stderr=subprocess.DEVNULL),
    ]
    until(lambda: answers(ports.port), "the service answers")
    ports.pids = tuple(child.pid for child in children)
    yield ports
    for child in children:
        child.kill()
        child.wait()


def answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/idle").status_code == 200
    except httpx.HTTPError:
        return False


def job(path: str = "/count", prefix: tuple[int, ...] = (), requests: int = 2, **body: Any) -> Scheduled:
    calls = tuple(
        Call(f"V{position}", "pod", path, {"challenge_id": ANY_ID, **body})
        for position in range(1, requests + 1)
    )
    return Scheduled(KEY, b"0", 60_000, calls, (), prefix, watch=True)


@asynccontextmanager
async def a_pool(
    service: Service, wait_seconds: float = 5.0, watched: bool = False
) -> AsyncIterator[ExecutorPool]:
    gate = Gate("127.0.0.1", service.redis_port)
    await gate.listen("pod", port=service.gate_port)
    pod_control = PodControl(quiescence=QuiescenceWatch(lambda: service.pids) if watched else None)
    pool = ExecutorPool(
        gate, {"pod": ("127.0.0.1", service.port)}, LearnedScripts(), wait_seconds, pod_control
    )
    try:
        yield pool
        assert gate.holds.current() == []
        assert not gate.rules
    finally:
        pool.close()
        await gate.close()


def play(service: Service, *jobs: Scheduled, wait_seconds: float = 5.0, watched: bool = False) -> list[Any]:
    async def go() -> list[Any]:
        async with a_pool(service, wait_seconds, watched) as pool:
            return list(await pool.run(jobs, slots=8))

    return asyncio.run(go())


def counts(run: ScheduledRun) -> list[int]:
    return [json.loads(answer.body)["count"] for answer in run.outcome.answers]


def test_steps_are_taken_as_they_were_ordered(service: Service) -> None:
    jobs = [job(prefix=prefix) for prefix in ((0, 0, 1, 1), (0, 1, 0, 1), (1, 1, 0, 0), (1, 0, 0, 1))]
    runs = play(service, *jobs * 5)
    assert [counts(run) for run in runs] == [[1, 2], [1, 1], [2, 1], [1, 1]] * 5
    first = runs[1]
    assert [(step.process, step.label, step.reply) for step in first.steps] == [
        (0, "GET", "0"), (1, "GET", "0"), (0, "SET", "OK"), (1, "SET", "OK"),
    ]  # fmt: skip
    assert first.steps[0].touched.writes == frozenset()
    assert KEY in first.steps[2].touched.writes
    assert (first.outcome.left, first.outcome.document) == (-1, "1")


def test_a_request_that_waits_for_a_lock_is_no_result(service: Service) -> None:
    stuck, free = play(service, job(lock=True), job(), wait_seconds=1.0)
    assert isinstance(stuck, NotQuiescent)
    assert "V2 neither answered nor sent a Redis command" in stuck.message
    assert counts(free) == [1, 2]
    [again] = play(service, job())  # nothing hangs on
    assert counts(again) == [1, 2]


needs_quiescence = pytest.mark.skipif(not observable(), reason="the system does not count what threads do")


@needs_quiescence
def test_who_waits_for_a_lock_goes_on_when_it_is_free(service: Service) -> None:
    runs = play(
        service, *[job(lock=True), job(lock=True, requests=3), job(prefix=(1, 0, 1, 0))] * 3, watched=True
    )
    for two, three, free in zip(runs[::3], runs[1::3], runs[2::3], strict=True):
        assert counts(two) == [1, 2]
        assert [(step.process, step.label, step.waiting) for step in two.steps] == [
            (0, "GET", (1,)), (0, "SET", (1,)), (1, "GET", ()), (1, "SET", ()),
        ]  # fmt: skip
        assert sorted(counts(three)) == [1, 2, 3]
        assert counts(free) == [1, 1]
        assert not any(step.waiting for step in free.steps)


@needs_quiescence
def test_an_order_that_a_lock_forbids_is_told(service: Service) -> None:
    [problem] = play(service, job(lock=True, prefix=(0, 1)), watched=True)
    assert isinstance(problem, Inconclusive)
    assert "step 2: V2 waits inside its pod" in problem.message


@dataclass(frozen=True)
class OnPool:
    """In the place of the control API."""

    pool: ExecutorPool
    slots: int = 8

    async def scheduled(self, jobs: Sequence[Scheduled]) -> list[ScheduledRun]:
        runs = await self.pool.run(jobs, self.slots)
        assert all(isinstance(run, ScheduledRun) for run in runs), runs
        return [run for run in runs if isinstance(run, ScheduledRun)]


@dataclass(frozen=True)
class Counting:
    """In the place of the stage: verifies that count."""

    lock: bool
    key = KEY
    document: bytes = b"0"
    ttl_ms: int = 60_000
    db: int = 0
    limit: int | None = ATTEMPTS_LIMIT
    usual: Usual = NOT_TRIED

    def calls(self, cast: Sequence[Participant]) -> tuple[Call, ...]:
        return job(requests=len(cast), lock=self.lock).calls

    def events(self, cast: Sequence[Participant]) -> tuple[EventCall, ...]:
        return ()


def searched(service: Service, lock: bool) -> Collected:
    collected = Collected(Budget(), time.monotonic)

    async def go() -> None:
        async with a_pool(service, watched=True) as pool:
            fixture: Any = Counting(lock)
            remote: Any = OnPool(pool)
            await search(fixture, parse_meeting("W+W").cast(pods=1)[0], remote, collected)

    asyncio.run(go())
    return collected


@needs_quiescence
def test_a_search_over_requests_that_wait_for_each_other_ends_and_says_so(service: Service) -> None:
    free = searched(service, lock=False)
    assert (free.traces, free.remark) == (4, None)  # GET GET SET SET both ways, and one after the other
    locked = searched(service, lock=True)
    assert locked.traces == 1
    assert locked.remark and locked.remark.startswith("V2 waited inside a pod for another request there")


def test_a_request_that_asks_for_a_lock_without_end_is_told(service: Service) -> None:
    """The first has the lock and is held before it gives it back; the second asks for ever."""
    in_turn, crossed = play(service, job(path="/spin"), job(path="/spin", prefix=(0, *[1] * 200)))
    assert isinstance(in_turn, ScheduledRun)
    assert isinstance(crossed, Endless)
    assert crossed.message.startswith("V2 sent 100 Redis commands without an answer")
    [again] = play(service, job())  # nothing hangs on
    assert counts(again) == [1, 2]


def test_a_request_without_a_command_is_told(service: Service) -> None:
    [bypassed] = play(service, job(path="/idle"))
    assert isinstance(bypassed, Bypassed)


def test_a_pod_that_is_not_there_is_told(service: Service) -> None:
    gone = Service(service.redis_port, service.gate_port, free_port())
    [problem] = play(gone, job())
    assert isinstance(problem, EnvironmentProblem)
    assert problem.message.startswith("pod gave V1 no answer: ")


def test_steps_that_are_not_there_are_told(service: Service) -> None:
    [problem] = play(service, job(prefix=(0, 0, 0)))
    assert isinstance(problem, DevenvError)
    assert "step 3" in problem.message
    [unknown] = play(service, Scheduled(KEY, b"0", 60_000, (Call("V1", "nowhere", "/count", {}),), ()))
    assert "there is no pod 'nowhere'" in unknown.message

"""Every caller of the control API, against a real one: the same refusal has the same class and exit code."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from devenv.core.model.errors import EnvironmentProblem, NoGate, UsageProblem
from devenv.core.model.events import StackEvent
from devenv.core.model.schedule import Event, Schedule
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.core.scenario.ordering import Exactly
from devenv.core.spec.redis_model import Database
from devenv.harness.runs.journal import JournaledStack, MemoryJournal
from devenv.harness.runs.trace import Mark, TraceCollector, mark, trace_since
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.operate.gate import GateClient
from devenv.verbs.replay.scheduler import Scheduler
from devenv.wire.control.async_client import AsyncControlClient
from devenv.wire.control.client import ControlClient
from devenv.wire.control.gate_rules import GateRules
from devenv.wire.control.policy import present_policy, set_policy
from devenv.wire.executor.jobs import Call, Scripted
from tests.support import free_port

A = "captcha-api-a"


@pytest.fixture
def nowhere() -> str:
    """A control API where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


def status_of(control: str) -> StackStatus:
    ends = Endpoints("http://127.0.0.1:1", control, "http://127.0.0.1:1", "127.0.0.1", 1)
    pods = (PodStatus(A, "running", {}),)
    return StackStatus("embedded", StackSpec(pods=1), ends, pods, "redis", "7", "running")


class _Stack(EmbeddedStack):
    """An embedded stack whose status names a control API of a test."""

    def __init__(self, control: str, folder: Path) -> None:
        super().__init__(folder, ())
        self._status = status_of(control)
        created = psutil.Process(os.getpid()).create_time()
        record = {"pid": os.getpid(), "create_time": created, "control": control}
        (folder / "embedded.json").write_text(json.dumps(record), encoding="utf-8")

    def status(self) -> StackStatus:
        return self._status


def gate_client(control: str, folder: Path) -> GateClient:
    return GateClient(JournaledStack(_Stack(control, folder), MemoryJournal()))


def executor(work: Callable[[Remote], Any], control: str, slots: int = 1) -> Any:
    async def main() -> Any:
        remote = Remote(control, slots)
        try:
            return await work(remote)
        finally:
            await remote.aclose()

    return asyncio.run(main())


def schedule(control: str, keys: str = "*") -> None:
    async def perform(_event: Event) -> None: ...

    async def main() -> None:
        client = AsyncControlClient(control)
        try:
            await Scheduler[None](client, keys, perform).follow([], Exactly(Schedule(())))
        finally:
            await client.aclose()

    asyncio.run(main())


JOB = Scripted(Call("r", A, "/x", {}), (), Database(), 1, frozenset())
REFUSED: dict[str, Callable[[str, Path], Any]] = {
    "policy, before it is sent": lambda control, _: set_policy(status_of(control), "nonsense"),
    "policy": lambda control, _: ControlClient(control).set_policy("nonsense"),
    "gate rules of a scenario": lambda control, _: GateRules(control).put([{"action": "nonsense"}]),
    "gate": lambda control, folder: gate_client(control, folder).release(then="nonsense"),
    "gate, not text": lambda control, folder: gate_client(control, folder).release(command="\udcff"),
    "trace": lambda control, _: trace_since(control, Mark(-1)),
    "scheduler": lambda control, _: schedule(control, keys=""),
    "executor": lambda control, _: executor(lambda remote: remote.scripted([JOB]), control, slots=1000),
}
NEEDS_GATE: dict[str, Callable[[str, Path], Any]] = {
    "gate rules of a scenario": lambda control, _: GateRules(control).put([{"action": "hold"}]),
    "gate": lambda control, folder: gate_client(control, folder).state(),
    "scheduler": lambda control, _: schedule(control),
    "executor": lambda control, _: executor(lambda remote: remote.rules(), control),
    "executor's jobs": lambda control, _: executor(lambda remote: remote.scripted([JOB]), control),
}
NEEDS_STACK: dict[str, Callable[[str, Path], Any]] = {
    **NEEDS_GATE,
    "policy": lambda control, _: present_policy(control),
    "trace": lambda control, _: trace_since(control, Mark()),
    "stack": lambda control, folder: _Stack(control, folder).redis("pause"),
}


@pytest.mark.parametrize("caller", REFUSED)
def test_what_was_given_is_wrong(caller: str, with_gate: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        REFUSED[caller](with_gate, tmp_path)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize("caller", NEEDS_GATE)
def test_a_stack_without_a_gate(caller: str, without_gate: str, tmp_path: Path) -> None:
    with pytest.raises(NoGate, match="this stack has no gate between its pods and Redis") as caught:
        NEEDS_GATE[caller](without_gate, tmp_path)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("caller", NEEDS_STACK)
def test_nothing_answers(caller: str, nowhere: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=f"the control API at {nowhere} does not answer") as caught:
        NEEDS_STACK[caller](nowhere, tmp_path)
    assert caught.value.exit_code == 4
    assert caught.value.hint


def test_another_program_listens_there(with_gate: str, tmp_path: Path) -> None:
    """A control API that does not serve the stack's own routes."""
    with pytest.raises(EnvironmentProblem, match="the stack does not answer as it should: Not Found"):
        _Stack(with_gate, tmp_path).redis("pause")


def test_where_the_records_end_is_one_request(with_gate: str, without_gate: str, tmp_path: Path) -> None:
    assert mark(with_gate) == mark(without_gate) == Mark(0, 0)
    collector = TraceCollector(JournaledStack(_Stack(without_gate, tmp_path), MemoryJournal()))
    assert [event.what for event in collector.trace() if isinstance(event, StackEvent)] == ["pod"]

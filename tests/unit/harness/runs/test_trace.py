"""Traces read back, and the journal of what was done to a stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.topology import Endpoints, PodStatus, RedisMode, SettingChanges, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.harness.runs.folders import json_lines
from devenv.harness.runs.journal import KEPT_EVENTS, FileJournal, JournaledStack, MemoryJournal, journaled
from devenv.harness.runs.trace import in_order, read_numbered, trace_lines
from devenv.stack.protocol import Progress

A, B = "captcha-api-a", "captcha-api-b"
EVENTS: list[TraceEvent] = [
    StackEvent(1.0, "pod", A, {"USE_REDIS": "true"}),
    Exchange(1, "r1", "c:1", "POST", "/x", "random", A, 200, 1.0, 5.0, None, None, '{"가": 1}'),
    RedisCommand(1, A, 1, "SET", ("k", "값"), "k", "OK", 1.1, 1.2, "passed", 1.1, 1.2, None),
]


def exchange_line(**changes: Any) -> str:
    """A valid exchange's line but for ``changes``."""
    return json.dumps({**EVENTS[1].to_json(), **changes})


def command_line(**changes: Any) -> str:
    """A valid command's line but for ``changes``."""
    return json.dumps({**EVENTS[2].to_json(), **changes})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(json_lines(trace_lines(EVENTS)), encoding="utf-8")
    assert [event for _line, event in read_numbered(path)] == EVENTS


def test_blank_lines_count_but_are_none(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("\ufeff\n" + json_lines(trace_lines(EVENTS[:1])) + "\n", encoding="utf-8")
    assert read_numbered(path) == [(2, EVENTS[0])]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"kind": "nothing"}', "not an event of a trace"),
        ('{"kind": "stack", "time": "now", "what": "pod"}', "time is 'now'"),
        ('{"kind": "stack", "time": 1, "what": "pod", "detail": {"a": 1}}', "detail is not all text"),
        ('{"kind": "stack", "time": 1, "what": "pod", "more": 1}', "unexpected keyword argument 'more'"),
        ('{"kind": "stack", "time": true, "what": "pod"}', "time is True"),
        (exchange_line(session=7), "session is 7"),
        (exchange_line(status="200"), "status is '200'"),
        (exchange_line(status=200.0), "status is 200.0"),
        (exchange_line(pod=["a"]), "pod is ['a']"),
        (command_line(args="GET"), "args is 'GET', not a list"),
        (command_line(args=["k", 1]), "args is not all text"),
        (command_line(answered="late"), "answered is 'late'"),
        (command_line(node=1), "node is 1"),
    ],
)
def test_a_line_that_is_no_event(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(json_lines(trace_lines(EVENTS)) + line + "\n", encoding="utf-8")
    with pytest.raises(UsageProblem) as caught:
        read_numbered(path)
    assert caught.value.message.startswith(f"{path}:4: ")
    assert sentence in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"none\.jsonl: cannot be read"):
        read_numbered(tmp_path / "none.jsonl")
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match=r"binary\.jsonl: not UTF-8 at byte 0 \(line 1\)"):
        read_numbered(binary)


def test_what_was_done_comes_before_what_then_happened() -> None:
    assert in_order(reversed(EVENTS)) == EVENTS


# -- the journal ---------------------------------------------------------------------------------------------


def status(use_redis: str = "true", state: str = "running", redis: str = "running") -> StackStatus:
    pods = tuple(PodStatus(pod, state, {"USE_REDIS": use_redis}) for pod in (A, B))
    ends = Endpoints("http://t", "http://c", "http://m", "127.0.0.1", 6379)
    return StackStatus("embedded", StackSpec(workers=3), ends, pods, "redis", "7", redis)


class _Stack:
    """A stack of which only the calls matter here."""

    backend = "embedded"

    def __init__(self) -> None:
        self.now = status()
        self.fails = False

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        return self.now

    def stop(self) -> None: ...

    def status(self) -> StackStatus:
        return self.now

    def endpoints(self) -> Endpoints:
        return self.now.endpoints

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        if self.fails:
            self.now = status(state="stopped")
            raise EnvironmentProblem("a pod died")
        self.now = status("false")

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None: ...

    def redis(self, action: str) -> None:
        if self.fails:
            raise UsageProblem("no")

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        return iter(())


@pytest.fixture
def clock() -> Callable[[], float]:
    times = iter(range(100))
    return lambda: float(next(times))


def silent(_line: str) -> None: ...


def test_a_restart_is_noted_with_what_came_back(clock: Callable[[], float]) -> None:
    stack = JournaledStack(_Stack(), MemoryJournal(), clock)
    stack.restart_pods({"b": {"USE_REDIS": "false"}}, silent)
    assert stack.journal.events() == [
        StackEvent(0.0, "restart", B),
        StackEvent(1.0, "pod", B, {"USE_REDIS": "false", "WORKERS": "3"}),
    ]


def test_a_pod_that_does_not_come_back_is_noted_too(clock: Callable[[], float]) -> None:
    inner = _Stack()
    inner.fails = True
    stack = JournaledStack(inner, MemoryJournal(), clock)
    with pytest.raises(EnvironmentProblem):
        stack.restart_pods({A: {}}, silent)
    assert [event.what for event in stack.journal.events()] == ["restart", "pod"]
    assert stack.journal.events()[1].detail["STATE"] == "stopped"


def test_actions_on_redis_are_noted_where_they_worked(clock: Callable[[], float]) -> None:
    inner = _Stack()
    stack = JournaledStack(inner, MemoryJournal(), clock)
    stack.redis("pause")
    inner.fails = True
    with pytest.raises(UsageProblem):
        stack.redis("resume")
    assert [event.detail for event in stack.journal.events()] == [{"action": "pause"}]


def test_a_new_stack_begins_a_new_journal(tmp_path: Path, clock: Callable[[], float]) -> None:
    journal = FileJournal(tmp_path / "state" / "events.jsonl")
    journal.add(StackEvent(9.0, "redis", None, {"action": "stop"}))
    JournaledStack(_Stack(), journal, clock).start(StackSpec(), silent)
    assert [(event.what, event.pod) for event in journal.events()] == [("pod", A), ("pod", B)]


def test_a_store_without_a_cluster_client_is_refused_before_anything_starts(
    clock: Callable[[], float],
) -> None:
    stack = JournaledStack(_Stack(), MemoryJournal(), clock)
    wished = StackSpec(use_redis=True, strategy=Strategy.INCR, redis_mode=RedisMode.CLUSTER)
    with pytest.raises(UsageProblem, match="the incr store has no cluster client"):
        stack.start(wished, silent)
    assert stack.journal.events() == []
    stack.start(replace(wished, use_redis=False), silent)
    stack.start(replace(wished, strategy=Strategy.GUIDE), silent)


def test_the_file_is_shared_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for number in range(5):
        events = [StackEvent(number * 1000.0 + position, "redis") for position in range(KEPT_EVENTS - 1)]
        FileJournal(path).add(*events)
    kept = FileJournal(path).events()
    assert KEPT_EVENTS <= len(kept) <= 2 * KEPT_EVENTS
    assert kept[-1].time == 4000.0 + KEPT_EVENTS - 2
    with path.open("a", encoding="utf-8") as file:
        file.write('{"half')
    assert FileJournal(path).events() == kept


def test_journaled_once_only() -> None:
    stack = journaled(_Stack())
    assert journaled(stack) is stack

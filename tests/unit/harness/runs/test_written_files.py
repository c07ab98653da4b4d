"""What one verb writes, the verb that reads it takes, whatever the service answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devenv.core.checker.history import parse_history
from devenv.core.checker.judge import judge
from devenv.core.model.events import Exchange, RedisCommand, StackEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Rule
from devenv.core.model.topology import Endpoints, StackSpec
from devenv.core.model.vocabulary import CaptchaType
from devenv.core.scenario import parse
from devenv.core.scenario.writer import scenario_yaml
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import CreateFailed
from devenv.harness.client.recording import Recording
from devenv.harness.client.seed import Seeded
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.harness.runs.folders import Run
from devenv.harness.runs.journal import FileJournal
from devenv.harness.runs.trace import in_order, read_numbered, trace_lines
from devenv.verbs.rollout.journal import Phase, RolloutJournal, RolloutState
from tests.support import serving

each_file = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_text = st.text(st.characters(), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("challenge_id", "success", "message", "attempts", "downshift", "ttl", "expired", "detail", "limit")
answers = st.dictionaries(st.sampled_from(FIELDS) | any_text, json_values, max_size=8)
times = st.floats(0, 2e9)
texts_by_name = st.dictionaries(any_text, any_text, max_size=3)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


Answering = Callable[[int, dict[str, Any]], str]


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    """An HTTP server that answers every request as it was told to last; gives its URL."""
    message: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.dumps(message["body"]).encode()
            self.send_response(message["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on the screen."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:

        def answer(status: int, body: dict[str, Any]) -> str:
            message.update(status=status, body=body)
            return address

        yield answer


@each_file
@given(created=answers, verified=answers, status=st.sampled_from([200, 200, 200, 400, 503]))
def test_check_reads_the_history_of_any_service(
    run: Run, answering: Answering, created: dict[str, Any], verified: dict[str, Any], status: int
) -> None:
    recording, clock = Recording(), iter(range(1, 100))

    async def play() -> None:
        url = answering(200, {"challenge_id": "a" * 32, **created})
        ends = Endpoints(url, url, url, "127.0.0.1", 1)
        async with CaptchaClient(ends, recording=recording, clock=lambda: float(next(clock))) as client:
            try:
                challenge = await client.create(CaptchaType.ABSTRACT)
            except CreateFailed:
                return
            answering(status, verified)
            await client.verify(challenge, {"selections": [1]}, answer="wrong")

    asyncio.run(play())
    path = run.write_lines("history.jsonl", (event.to_json() for event in recording.history))
    judge(parse_history(path.read_text(encoding="utf-8"), str(path)))


maybe_text = st.none() | any_text
traffic = st.one_of(
    st.builds(
        Exchange, st.integers(1), any_text, any_text, any_text, any_text, any_text, maybe_text,
        st.integers(100, 599), times, times, maybe_text, maybe_text, maybe_text,
    ),
    st.builds(StackEvent, times, any_text, maybe_text, texts_by_name),
    st.builds(
        RedisCommand, st.integers(1), any_text, st.integers(), any_text,
        st.lists(any_text, max_size=3).map(tuple), maybe_text, maybe_text, times, st.none() | times,
    ),
)  # fmt: skip


@each_file
@given(st.lists(traffic, max_size=4))
def test_explain_reads_the_trace(run: Run, events: list[Any]) -> None:
    path = run.write_lines("trace.jsonl", trace_lines(in_order(events)))
    assert [event for _, event in read_numbered(path)] == _joined(in_order(events))


@each_file
@given(st.lists(st.builds(StackEvent, times, any_text, st.none() | any_text, texts_by_name), max_size=4))
def test_the_journal_reads_its_own_events(run: Run, events: list[StackEvent]) -> None:
    journal = FileJournal(run.folder / "stack-events.jsonl")
    journal.clear()
    journal.add(*events)
    assert journal.events() == _joined(events)


@each_file
@given(st.dictionaries(any_text, json_values, max_size=5))
def test_replay_reads_the_results_of_a_run(run: Run, data: dict[str, Any]) -> None:
    run.write_json("results.json", data)
    json.loads((run.folder / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert run.read_json("results.json").keys() == json.loads(json.dumps(data)).keys()


@each_file
@given(
    st.builds(
        Seeded,
        st.sampled_from(CaptchaType),
        any_text,
        any_text,
        times,
        times,
        st.dictionaries(any_text, json_values, max_size=2),
        any_text,
    )
)
def test_challenges_are_lines_of_json(run: Run, seeded: Seeded) -> None:
    path = run.write_lines("challenges.jsonl", [seeded.to_json()] * 2)
    assert len([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]) == 2


@each_file
@given(texts_by_name, st.sampled_from([True, False]))
def test_a_stack_reads_its_own_options(env: dict[str, str], use_redis: bool) -> None:
    spec = StackSpec(env=env, pod_env={"captcha-api-a": env}, use_redis=use_redis)
    assert StackSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


clean_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
variable_text = clean_text.map(lambda text: text.replace("\0", ""))
"""No process can have a variable with a NUL: the reader refuses it."""


@each_file
@given(
    clean_text, st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,5}", fullmatch=True), variable_text, max_size=2)
)
def test_up_reads_the_devenv_toml_of_init(run: Run, text: str, env: dict[str, str]) -> None:
    rule = Rule(equals={"message": text})
    result = Found(CAPTCHA.name, command="run", env=env, notes=(text,), not_found=(rule,), redis_use="unused")
    written = parse_service(toml_text(result), run.folder)
    assert written.env == env
    assert written.profile.not_found == (rule,)


@each_file
@given(clean_text, clean_text, json_values.map(lambda value: json.loads(json.dumps(value))))
def test_replay_reads_the_scenario_of_an_import(title: str, header: str, body: Any) -> None:
    text = scenario_yaml(
        {
            "version": 1,
            "id": "made",
            "title": f"x{title}",
            "cause": "pod-memory",
            "needs": ["R"],
            "stores": {name: {"shows": f"x{title}"} for name in ("memory", "guide", "atomic")},
            "sessions": {"s": "any"},
            "steps": [
                {"create": "s"},
                {"request": "POST /x", "headers": {"accept": header}, "json": {"a": body}},
            ],
        }
    )
    assert parse(text, "made.yaml").title == f"x{title}"


counts = st.integers(0, 2**40)
rows = st.builds(
    lambda number, text, sessions, share: {
        "number": number, "name": text, "predicted_loss": share, "decision": "holds",
        "test": {"sessions": sessions, "lost": 0}, "verdicts": {text: number}, "examples": [text],
        "lost_between": [{"born": text, "used": text, "sessions": number, "why": text}],
    },
    counts, clean_text, counts, st.floats(0, 1),
)  # fmt: skip


@each_file
@given(
    clean_text, st.dictionaries(clean_text, clean_text, max_size=2), st.lists(rows, max_size=2), times,
    st.sampled_from(Phase),
)  # fmt: skip
def test_a_rollout_goes_on_from_its_file(
    run: Run, text: str, pods: dict[str, str], results: list[Any], until: float, phase: Phase
) -> None:
    journal = RolloutJournal(run.folder)
    journal.path.unlink(missing_ok=True)
    state = RolloutState(text, text, text, phase=phase, until=until, pods=pods, results=results, policy=text)
    assert journal.create(state) == journal.read()


def _joined(events: Any) -> Any:
    """``events`` with two halves of one character that stand beside each other joined, as JSON has them."""
    return [type(event)(**_fields(event)) for event in events]


def _fields(event: Any) -> dict[str, Any]:
    return {name: _whole(getattr(event, name)) for name in event.__slots__}


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return json.loads(json.dumps(value))
    if isinstance(value, tuple):
        return tuple(_whole(item) for item in value)
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return value

"""Replay: verdicts, what it writes, and that it leaves the stack as it found it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import SettingChanges, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.scenario import Scenario, find, parse
from devenv.harness.runs.folders import open_run, resolve_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.protocol import Progress
from devenv.verbs.explain.source import explain_run
from devenv.verbs.replay.baseline import fits
from devenv.verbs.replay.replayer import Replayer, replay
from devenv.verbs.replay.result import junit_suite
from devenv.verbs.replay.target import resolve_target
from devenv.wire.control.policy import present_policy

HEAD = """\
version: 1
id: example
title: An example
cause: pod-memory
needs: [R]
stack: {stack}
stores: {{memory: {{shows: x}}, guide: {{shows: x}}, atomic: {{shows: x}}}}
sessions: {{alice: abstract}}
steps:
"""


def _scenario(steps: str, stack: str = "{pods: 2}") -> Scenario:
    return parse(HEAD.format(stack=stack) + steps, "example.yaml")


def _settings(stack: EmbeddedStack) -> Mapping[str, Mapping[str, str]]:
    return {pod.name: pod.settings for pod in stack.status().pods}


def _pids(stack: EmbeddedStack) -> list[int | None]:
    return [pod.pid for pod in stack.status().pods]


def test_new_connections_to_redis_are_counted_for_the_pod_of_the_step(replayer: Replayer) -> None:
    """The atomic store tries a broken command once more, on a new connection: one each."""
    scenario = _scenario(
        "  - {create: alice, pod: A}\n"
        "  - gate: {action: disconnect, command: EVALSHA}\n"
        "  - {verify: alice, pod: A, answer: right, expect: {status: 503, connections: 1}}\n"
        "  - {verify: alice, pod: B, answer: right, expect: {status: 503, connections: {max: 0}}}\n"
    )
    result = replayer.run(scenario, Strategy.ATOMIC)
    assert [(deviation.step, deviation.sentence) for deviation in result.deviations] == [
        (4, "connections: expected at most 0, got 1")
    ]


def test_an_expectation_that_does_not_hold_fails_and_says_where(replayer: Replayer) -> None:
    scenario = _scenario(
        "  - {create: alice, pod: A}\n"
        "  - {verify: alice, pod: B, answer: right, expect: {outcome: success, attempts: 1}}\n"
    )
    result = replayer.run(scenario, Strategy.MEMORY)
    assert result.verdict == "fails"
    assert [str(deviation) for deviation in result.deviations] == [
        "repeat 1, step 2 (line 11, verify alice on captcha-api-b: right): outcome: expected success, "
        'got "not_found"',
        "repeat 1, step 2 (line 11, verify alice on captcha-api-b: right): attempts: expected 1, got null",
    ]
    data = result.to_json()
    assert data["verdict"] == "fails"
    assert data["outcomes"][0]["steps"][1]["outcome"] == "not_found"
    assert [message.label for message in result.recording.messages if message.kind == "failed"] == [
        "Challenge not found"
    ]


def test_repeats_are_identical_and_the_run_can_be_replayed(stack: EmbeddedStack, tmp_path: Path) -> None:
    run = open_run(tmp_path, "replay", 0)
    result = replay(stack, find("pod-memory-abstract"), Strategy.ATOMIC, 5, run=run)
    assert (result.verdict, result.identical, result.repeat) == ("holds", True, 5)
    assert [way["count"] for way in result.outcomes] == [5]

    saved = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    assert {
        "scenario",
        "strategy",
        "repeat",
        "identical",
        "outcomes",
        "violations",
        "deviations",
        "expected",
        "verdict",
    } <= set(saved)
    history = (run.folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(history) == 5 * 4 * 2
    trace = [
        json.loads(line) for line in (run.folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len([line for line in trace if line["kind"] == "exchange"]) == 5 * 4
    assert {line["kind"] for line in trace} == {"stack", "exchange", "redis"}
    # How Redis stood when the trace began concerns no pod; another test may have stopped it before.
    about_pods = [line for line in trace if line.get("what") != "redis"]
    assert {line["pod"] for line in about_pods} == {"captcha-api-a", "captcha-api-b"}
    assert (run.folder / "sequence.mmd").read_text(encoding="utf-8").startswith("sequenceDiagram")

    for word in (run.id, "latest", run.id[:5]):
        target = resolve_target(word, tmp_path)
        assert target.scenario == parse(find("pod-memory-abstract").source, "scenario.yaml")
        assert (target.strategy, target.repeat) == (Strategy.ATOMIC, 5)


def test_an_outcome_that_varies_is_not_identical(replayer: Replayer) -> None:
    """Round-robin over two pods with their own memory: two creates and one verify move the turn on by one."""
    scenario = _scenario(
        "  - create: alice\n"
        "  - {create: alice, pod: A}\n"
        "  - {verify: alice, answer: right, expect: {outcome: [success, not_found]}}\n"
        "  - {get: /health}\n",
        stack="{policy: round-robin}",
    )
    result = replayer.run(scenario, Strategy.MEMORY, 2)
    assert result.verdict == "holds"
    assert not result.identical
    assert sorted(way["steps"][2]["outcome"] for way in result.outcomes) == ["not_found", "success"]


def test_settings_and_policy_are_put_back(stack: EmbeddedStack) -> None:
    before, policy = _settings(stack), present_policy(stack.endpoints().control)
    scenario = _scenario(
        "  - {create: alice, pod: A, expect: {guide: {status: 200}}}\n"
        "  - toggle: B\n    use_redis: false\n"
        "  - redis_server: pause\n",
        stack="{policy: random, env: {CAPTCHA_TTL: 7}, pod_env: {B: {REDIS_PREFIX: 'x:'}}}",
    )
    with Replayer(stack) as replayer:
        assert replayer.run(scenario, Strategy.GUIDE).verdict == "holds"
        during = _settings(stack)
        assert during["captcha-api-a"]["SESSION_STRATEGY"] == "guide"
        assert [during[pod]["REDIS_PREFIX"] for pod in sorted(during)] == ["rcaptcha:", "x:"]
        assert [during[pod]["USE_REDIS"] for pod in sorted(during)] == ["true", "false"]
        assert present_policy(stack.endpoints().control) == "random"
        assert stack.status().redis_state == "running"  # what a play did to Redis ends with it
    assert _settings(stack) == before
    assert present_policy(stack.endpoints().control) == policy
    assert stack.status().redis_state == "running"


def test_only_pods_whose_settings_differ_are_restarted(stack: EmbeddedStack) -> None:
    with Replayer(stack) as replayer:
        replayer.run(find("guide-local-test"), Strategy.ATOMIC)
        pids = _pids(stack)
        replayer.run(find("pod-memory"), Strategy.ATOMIC, 2)
        assert _pids(stack) == pids
        replayer.run(
            _scenario("  - {create: alice, pod: A}\n", "{pod_env: {B: {CAPTCHA_TTL: 9}}}"), Strategy.ATOMIC
        )
        assert [now == old for now, old in zip(_pids(stack), pids, strict=True)] == [True, False]


class _Interrupted:
    """The stack, with a Ctrl-C during the second restart of pods."""

    backend = "embedded"

    def __init__(self, stack: EmbeddedStack) -> None:
        self._stack = stack
        self.status = stack.status
        self.endpoints = stack.endpoints
        self.redis = stack.redis
        self.start, self.stop, self.logs = stack.start, stack.stop, stack.logs
        self.set_pods = stack.set_pods
        self._restarts = 0

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        self._restarts += 1
        if self._restarts == 2:
            raise KeyboardInterrupt
        self._stack.restart_pods(settings, progress)


def test_an_interrupt_leaves_the_stack_as_it_was(stack: EmbeddedStack) -> None:
    before = _settings(stack)
    with pytest.raises(KeyboardInterrupt):
        replay(_Interrupted(stack), find("pod-restart"), Strategy.ATOMIC)
    assert _settings(stack) == before


def test_what_was_played_before_an_interrupt_can_be_explained(stack: EmbeddedStack, tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line.endswith("2/9"):
            raise KeyboardInterrupt

    run = open_run(tmp_path, "replay", 0)
    with pytest.raises(KeyboardInterrupt):
        replay(stack, find("pod-memory-abstract"), Strategy.MEMORY, 9, run=run, progress=interrupt)
    explanation = explain_run(run)
    assert [(group.cause, group.count) for group in explanation.groups] == [("pod-memory", 2)]


def test_a_run_that_never_began_leaves_no_folder(tmp_path: Path) -> None:
    first, second = open_run(tmp_path, "first", 0), open_run(tmp_path, "second", 1)
    first.write_text("results.json", "{}")
    second.discard_empty()
    first.discard_empty()
    assert resolve_run(tmp_path, "latest") == first


def test_a_pod_that_does_not_start_with_the_scenarios_settings(stack: EmbeddedStack) -> None:
    before = _settings(stack)
    scenario = _scenario("  - {create: alice, pod: A}\n", "{pod_env: {B: {REDIS_PORT: tcp://10.0.0.7:6379}}}")
    with pytest.raises(EnvironmentProblem, match="captcha-api-b"):
        replay(stack, scenario, Strategy.ATOMIC)
    assert _settings(stack) == before
    assert {pod.state for pod in stack.status().pods} == {"running"}


def test_a_create_that_fails_is_a_deviation_and_ends_the_play(replayer: Replayer) -> None:
    steps = "  - {create: alice, pod: A}\n  - {verify: alice, pod: A, answer: right}\n"
    scenario = _scenario("  - redis_server: stop\n" + steps)
    result = replayer.run(scenario, Strategy.ATOMIC)
    assert [deviation.sentence for deviation in result.deviations] == ["status: expected 200, got 503"]
    assert len(result.plays[0]) == 2


def test_a_store_that_the_scenario_does_not_apply_to(replayer: Replayer) -> None:
    with pytest.raises(UsageProblem, match="mixed-flags does not apply to memory: ") as caught:
        replayer.run(find("mixed-flags"), Strategy.MEMORY)
    assert caught.value.hint == "--strategy guide, atomic"


def test_a_redis_command_that_redis_refuses(replayer: Replayer) -> None:
    with pytest.raises(EnvironmentProblem, match=r"^example\.yaml:10: Redis refused NOSUCH: "):
        replayer.run(_scenario("  - redis_command: [NOSUCH]\n  - {create: alice}\n"), Strategy.ATOMIC)


def test_a_stack_that_does_not_fit(stack: EmbeddedStack) -> None:
    status: StackStatus = stack.status()
    pinned, unpinned = "  - {create: alice, pod: A}\n", "  - create: alice\n"
    assert fits(_scenario(pinned, "{pods: 3}"), status) == (
        "example needs 3 pods, the stack has 2: devenv up --pods 3"
    )
    assert fits(_scenario(pinned, "{pods: 1}"), status) is None
    assert fits(_scenario(unpinned, "{pods: 1}"), status) is not None
    assert fits(_scenario(pinned, "{workers: 4}"), status) is not None
    with pytest.raises(EnvironmentProblem, match="example needs 3 pods"):
        replay(stack, _scenario(pinned, "{pods: 3}"), Strategy.MEMORY)


def test_junit(replayer: Replayer) -> None:
    good = replayer.run(find("pod-memory-abstract"), Strategy.MEMORY, 2)
    bad = replayer.run(
        _scenario("  - create: alice\n  - {verify: alice, answer: wrong, expect: {message: '<&\"'}}\n", "{}"),
        Strategy.ATOMIC,
    )
    root = ET.fromstring(junit_xml([junit_suite(good), junit_suite(bad)]))
    suites = [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root]
    assert suites == [("pod-memory-abstract[memory]", "2", "0"), ("example[atomic]", "1", "1")]
    failures = root.findall(".//failure")
    assert len(failures) == 1
    assert '<&\\"' in (failures[0].get("message") or "")


def test_what_can_be_replayed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(find("double-click").source, encoding="utf-8")
    assert resolve_target(str(file), tmp_path).scenario.id == "double-click"
    assert resolve_target("double-click", tmp_path).strategy is None
    with pytest.raises(UsageProblem, match=r"no scenario file other\.yaml"):
        resolve_target("other.yaml", tmp_path)
    with pytest.raises(UsageProblem, match="no scenario 'dubble-click'"):
        resolve_target("dubble-click", tmp_path)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match="not UTF-8 at byte 0"):
        resolve_target(str(file), tmp_path)
    demo = open_run(tmp_path, "demo", 0)
    demo.write_json("results.json", {"kind": "demo"})
    with pytest.raises(UsageProblem, match="is no replay of a scenario"):
        resolve_target("latest", tmp_path)


@pytest.mark.parametrize(
    ("strategy", "kinds"),
    [(Strategy.GUIDE, {"empty-bypass", "lost-attempt", "double-success"}), (Strategy.ATOMIC, set())],
)
def test_violations_are_of_the_run_and_deviations_from_the_catalogue(
    replayer: Replayer, strategy: Strategy, kinds: set[str]
) -> None:
    result = replayer.run(find("empty-bypass"), strategy)
    assert (result.verdict, result.deviations) == ("holds", ())
    data = result.to_json()
    assert {violation["kind"] for violation in data["violations"]} >= kinds
    assert bool(data["violations"]) == bool(kinds)
    assert (data["deviations"], data["orders_not_met"]) == ([], [])

"""Orders that are followed or cannot be, faults that end with the play, and what a run keeps of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.schedule import Schedule
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, find, parse
from devenv.harness.redis.faults import RedisSettings
from devenv.harness.redis.keys import connected
from devenv.harness.runs.folders import open_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from devenv.verbs.replay.target import resolve_target

HEAD = """\
version: 1
id: example
title: An example
cause: lost-attempt
needs: [X]
stack: {pods: 2, env: {REDIS_TIMEOUT_MS: 10000}}
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {alice: abstract}
steps:
  - {create: alice, pod: A}
"""
TWO = """\
  - together:
      one: {verify: alice, pod: A, answer: wrong}
      two: {verify: alice, pod: %s, answer: wrong}
    order: %s
"""


def _scenario(steps: str, head: str = HEAD) -> Scenario:
    return parse(head + steps, "example.yaml")


def _deviations(result: ReplayResult) -> list[str]:
    return [deviation.sentence for deviation in result.deviations]


def _ordered(play: tuple[Observed, ...]) -> Observed:
    return next(step for step in play if "schedule" in step.shown)


def _rules(stack: EmbeddedStack) -> Any:
    return httpx.get(f"{stack.endpoints().control}/rules", trust_env=False).json()["rules"]


@pytest.fixture
def clean(stack: EmbeddedStack) -> Iterator[None]:
    """Whatever the test does, nothing is left at the gate."""
    yield
    assert _rules(stack) == []
    held = httpx.get(f"{stack.endpoints().control}/held", trust_env=False).json()["held"]
    assert held == []


@pytest.mark.usefixtures("clean")
def test_two_requests_inside_one_pod_are_ordered_too(replayer: Replayer) -> None:
    order = '["two:GET before one:EXEC", "two:GET#2 before one:EXEC", "one:EXEC before two:EXEC"]'
    result = replayer.run(_scenario(TWO % ("A", order)), Strategy.GUIDE, 5)
    assert result.identical
    shown = _ordered(result.plays[0]).shown
    assert [shown["requests"][name]["attempts"] for name in ("one", "two")] == [1, 1]
    assert shown["schedule"] == "v1 one:GET one:GET one:TTL two:GET two:GET one:EXEC two:TTL two:EXEC"


@pytest.mark.usefixtures("clean")
def test_an_order_that_was_not_met_is_inconclusive_and_ends_the_play(replayer: Replayer) -> None:
    scenario = _scenario(TWO % ("B", "v1 one:GET one:DEL") + "  - expire: alice\n")
    result = replayer.run(scenario, Strategy.GUIDE)
    reason = "step 2 of the schedule is one:DEL, but one waits with GET"
    assert result.orders_not_met == (reason,)
    assert result.failures == (f"the order was not met: {reason}",)
    assert _deviations(result) == []
    assert len(result.plays[0]) == 2
    assert result.verdict == "inconclusive"


@pytest.mark.usefixtures("clean")
def test_a_lost_reply_and_the_retry_are_in_the_schedule(replayer: Replayer) -> None:
    scenario = _scenario(TWO % ("B", "one:EVALSHA!lost"))
    result = replayer.run(scenario, Strategy.ATOMIC, 3)
    assert result.identical
    shown = _ordered(result.plays[0]).shown
    assert shown["schedule"] == "v1 one:EVALSHA!lost one:EVALSHA two:EVALSHA"
    assert [shown["requests"][name]["attempts"] for name in ("one", "two")] == [1, 2]


@pytest.mark.usefixtures("clean")
def test_a_restart_inside_an_order_takes_the_waiting_command_with_it(replayer: Replayer) -> None:
    scenario = _scenario(TWO % ("B", '["@restart:A after one:GET"]'))
    result = replayer.run(scenario, Strategy.GUIDE)
    shown = _ordered(result.plays[0]).shown
    assert shown["requests"]["one"]["outcome"] == "error"
    assert shown["requests"]["two"]["outcome"] == "wrong"
    assert shown["schedule"].startswith("v1 one:GET @restart:A two:GET")


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("order", ["one after two", "two:read before one:write"])
def test_requests_that_say_nothing_to_redis_were_not_ordered(replayer: Replayer, order: str) -> None:
    head = HEAD.replace("REDIS_TIMEOUT_MS: 10000", "USE_REDIS: false")
    with pytest.raises(EnvironmentProblem, match="answered without a Redis command through the gate"):
        replayer.run(_scenario(TWO % ("B", order), head), Strategy.GUIDE)


def test_a_run_keeps_its_order_and_is_replayed_in_it(
    stack: EmbeddedStack, replayer: Replayer, tmp_path: Path
) -> None:
    other = Schedule.parse("v1 second:EVALSHA first:EVALSHA")
    run = open_run(tmp_path, "replay", 0)
    result = replayer.run(find("double-success"), Strategy.ATOMIC, run=run, schedules=[other])
    assert (run.folder / "schedule.txt").read_text(encoding="utf-8") == f"{other}\n"
    saved = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    assert saved["schedules"] == [str(other)]
    assert resolve_target(run.id, tmp_path).schedules == (other,)
    assert result.verdict == "fails"  # the catalogue expects the first to pass


@pytest.mark.parametrize(
    ("name", "schedules", "sentence"),
    [
        (
            "double-success",
            ["v1 third:GET"],
            "the schedule names request 'third'; step 2 of double-success has ",
        ),
        ("double-success", ["v1 @expire:bob"], "the schedule's @expire:bob is about no session of double-"),
        (
            "double-success",
            ["v1", "v1"],
            "double-success with the guide store has one step whose requests run in an order; 2 ",
        ),
        (
            "flushed",
            ["v1"],
            "flushed with the guide store has no step whose requests run in an order; a schedule was given",
        ),
    ],
)
def test_a_schedule_about_something_else(
    replayer: Replayer, name: str, schedules: list[str], sentence: str
) -> None:
    with pytest.raises(UsageProblem) as caught:
        replayer.run(find(name), Strategy.GUIDE, schedules=[Schedule.parse(text) for text in schedules])
    assert caught.value.message.startswith(sentence)


@pytest.mark.usefixtures("clean")
def test_a_play_whose_rule_meets_no_command_is_inconclusive(replayer: Replayer) -> None:
    """Nothing was disturbed: neither that it holds nor that it fails was shown."""
    steps = "  - gate: {id: never, action: error, command: FLUSHALL}\n"
    idle = ("the rule never met no command: nothing was disturbed",)
    for more in ("", "  - gate: reset\n"):
        result = replayer.run(_scenario(steps + more), Strategy.ATOMIC)
        assert (result.verdict, result.failures, result.deviations) == ("inconclusive", idle, ())
        assert result.to_json()["idle_rules"] == list(idle)
        assert [step.number for play in result.plays for step in play if step.idle_rule] == [2]
    memory = replayer.run(_scenario(steps), Strategy.MEMORY)
    assert memory.idle_rules == ()


@pytest.mark.usefixtures("clean")
def test_faults_end_with_the_play(stack: EmbeddedStack, replayer: Replayer) -> None:
    steps = (
        "  - gate: {action: delay, seconds: 0.01}\n"
        "  - {verify: alice, pod: A, answer: wrong}\n"
        "  - redis_command: [CONFIG, SET, maxmemory, 1]\n"
        "  - redis_command: [REPLICAOF, 127.0.0.1, 1]\n"
        "  - redis_server: pause\n"
    )
    assert _deviations(replayer.run(_scenario(steps), Strategy.ATOMIC)) == []
    assert stack.status().redis_state == "running"
    with connected(stack.endpoints()) as redis:
        settings: Any = redis.config_get("maxmemory")
        role: Any = redis.info("replication")
    assert settings == {"maxmemory": "0"}
    assert role["role"] == "master"


def test_expire_and_age_leave_a_key_without_ttl_alone(stack: EmbeddedStack, replayer: Replayer) -> None:
    steps = (
        "  - age: alice\n"
        "  - redis: alice\n    expect: {exists: true, ttl: {max: 0.4}}\n"
        "  - redis_command: [PERSIST, '{key:alice}']\n"
        "  - expire: alice\n"
        "  - age: alice\n"
        "  - redis: alice\n    expect: {exists: true, ttl: null}\n"
        "  - redis_command: [EXPIRE, '{key:alice}', 50]\n"
        "  - expire: alice\n"
        "  - redis: alice\n    expect: {exists: false}\n"
    )
    assert _deviations(replayer.run(_scenario(steps), Strategy.GUIDE)) == []


def test_a_pod_that_is_meant_not_to_start(stack: EmbeddedStack) -> None:
    before = {pod.name: pod.settings for pod in stack.status().pods}
    steps = (
        "  - restart: B\n    env: {REDIS_PORT: none}\n    expect: {starts: false, says: REDIS_DB}\n"
        "  - {verify: alice, pod: A, answer: right, expect: {outcome: success}}\n"
    )
    with Replayer(stack) as replayer:
        message = _deviations(replayer.run(_scenario(steps), Strategy.ATOMIC))
    assert message == ['says: expected "REDIS_DB" in it']
    assert {pod.name: pod.settings for pod in stack.status().pods} == before
    assert {pod.state for pod in stack.status().pods} == {"running"}


def test_a_session_that_could_not_be_created_is_skipped_where_nothing_is_expected(replayer: Replayer) -> None:
    steps = (
        "  - redis_server: stop\n"
        "  - {create: alice, pod: A, expect: {status: 503}}\n"
        "  - {verify: alice, pod: A, answer: right%s}\n"
    )
    assert _deviations(replayer.run(_scenario(steps % ""), Strategy.ATOMIC)) == []
    message = _deviations(replayer.run(_scenario(steps % ", expect: {outcome: error}"), Strategy.ATOMIC))
    assert message == ["it was not sent: alice could not be created"]


def test_a_redis_that_came_anew_knows_the_script_before_a_rule_meets_it(replayer: Replayer) -> None:
    """Else the rule ends the connection on which NOSCRIPT comes, and nothing is counted."""
    again = find("reply-lost-letter")
    assert _deviations(replayer.run(again, Strategy.ATOMIC)) == []
    replayer._baseline.redis("stop")
    replayer._baseline.redis("start")
    assert _deviations(replayer.run(again, Strategy.ATOMIC)) == []


def test_a_setting_of_redis_is_put_back_in_one_step(stack: EmbeddedStack) -> None:
    """And not by way of what it was in between: pods would see that, too."""
    ours = RedisSettings(stack.endpoints())
    with connected(stack.endpoints()) as redis:
        before = redis.config_get("hz")
        for value in ("20", "30"):
            ours.send(["CONFIG", "SET", "hz", value])
        redis.config_resetstat()
        ours.undo()
        assert redis.config_get("hz") == before
        assert redis.info("commandstats")["cmdstat_config|set"]["calls"] == 1

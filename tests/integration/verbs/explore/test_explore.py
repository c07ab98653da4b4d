"""Exploring real pods: the yardstick's counts, what is found, what is confirmed, what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.schedule import Schedule
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.scenario import parse
from devenv.harness.config.settings import load
from devenv.verbs.explore.result import Exploration, Mode, junit_suite
from devenv.verbs.operate.select import running_stack
from devenv.verbs.replay.target import resolve_target
from devenv.verbs.replay.usecase import replay_word
from tests.integration.verbs.explore.conftest import Explore, exploring, started

GUIDE, ATOMIC = Strategy.GUIDE, Strategy.ATOMIC


def kinds(exploration: Exploration) -> set[str]:
    return {violation.kind for violation in exploration.violations}


def status_of(folder: Path) -> StackStatus:
    return running_stack("embedded", folder).status()


# docs/failures.md: measured with the guide's verify on real Redis.
@pytest.mark.parametrize(
    ("scenario", "traces", "result"),
    [
        ("W+W", 8, {"lost-attempt"}),
        ("R+R", 36, {"double-success", "lost-attempt"}),
        ("3 W", 564, {"lost-attempt", "more-than-two-graded", "resurrected-key"}),
        (
            "R+W+E",
            1_977,
            {
                "double-success", "empty-bypass", "lost-attempt", "more-than-two-graded", "not-linearizable",
                "resurrected-key",
            },
        ),
        ("R+R+X", 367, {"double-success", "lost-attempt", "expiry-inside-verify", "not-linearizable"}),
        (
            "3 W+X",
            7_495,
            {"expiry-inside-verify", "lost-attempt", "more-than-two-graded", "resurrected-key"},
        ),
        ("4 W", 218_856, {"lost-attempt", "more-than-two-graded", "resurrected-key"}),
        ("4 R", 7_715_908, {"double-success", "lost-attempt", "more-than-two-graded", "resurrected-key"}),
    ],
)  # fmt: skip
def test_the_yardstick_learned(guide: Explore, scenario: str, traces: int, result: set[str]) -> None:
    done = guide(scenario, GUIDE)
    assert (done.traces, done.complete, done.exit_code) == (traces, True, 1)
    assert kinds(done) == result, kinds(done)
    # Learning pays, except for eight orders.
    assert (done.requests < traces) is (traces > 8), f"learning took {done.requests} requests"
    for violation in done.violations:
        assert violation.confirmed
        assert violation.replayed == violation.replays == 3
        assert str(Schedule.parse(violation.schedule)) == violation.schedule


@pytest.mark.parametrize("scenario", ["W+W", "R+R", "R+R+X", "R+P"])
def test_direct_and_learned_agree(guide: Explore, scenario: str) -> None:
    learned, direct = guide(scenario, GUIDE), guide(scenario, GUIDE, mode=Mode.DIRECT)
    assert (direct.traces, direct.outcomes) == (learned.traces, learned.outcomes)
    assert {violation.kind: violation.traces for violation in direct.violations} == {
        violation.kind: violation.traces for violation in learned.violations
    }
    shortest = [
        {violation.kind: len(Schedule.parse(violation.schedule)) for violation in one.violations}
        for one in (direct, learned)
    ]
    assert shortest[0] == shortest[1]
    assert bool(direct.violations) is (scenario != "R+P"), "a restart alone violates nothing"
    assert [violation.confirmed for violation in direct.violations] == [True] * len(direct.violations)


def test_in_one_pod(guide: Explore) -> None:
    done = guide("R+R", GUIDE, mode=Mode.DIRECT, pods=1)
    assert (done.traces, kinds(done)) == (36, {"double-success", "lost-attempt"})


def test_shortest_schedules_are_the_known_ones(guide: Explore) -> None:
    values = {violation.kind: violation for violation in guide("W+E+X", GUIDE, replays=100).violations}
    bypass = values["empty-bypass"]
    assert bypass.schedule == (
        "v1 V1:GET @expire:s1 V1:GET V1:TTL V1:EXEC V2:GET V2:GET V2:TTL V2:EXEC V2:DEL"
    )
    assert (bypass.replayed, bypass.replays) == (100, 100)
    assert [step.reply for step in bypass.steps if step.what == "TTL"] == ["-2", "-1"]
    assert values["expiry-inside-verify"].requests == ("W", "X")
    assert values["lost-attempt"].requests == ("W", "E")
    [ageing] = guide("W+A", GUIDE).violations
    assert ageing.kind == "ttl-rounds-to-zero"


@pytest.mark.parametrize(
    "scenario",
    [
        "W+W", "R+R", "3 W", "R+W+E", "3 R", "2 R+X", "R+W+E+X", "R+W+E+A", "R+W+E+L", "3 R+L", "2 R+X+L",
        "R+W+E+X+L", "R+W+E+X+A+L", "R+W+E+P", "2 R+X+L+P", "4 W",
    ],
)  # fmt: skip
def test_atomic_holds(atomic: Explore, scenario: str) -> None:
    done = atomic(scenario, ATOMIC)
    assert (done.complete, done.violations, done.exit_code) == (True, (), 0)
    assert done.traces is not None and done.traces > 1


@pytest.mark.parametrize("scenario", ["R+R", "R+W+E", "R+X", "R+R+L"])
def test_atomic_holds_on_real_pods(atomic: Explore, scenario: str) -> None:
    done, learned = atomic(scenario, ATOMIC, mode=Mode.DIRECT), atomic(scenario, ATOMIC)
    assert (done.complete, done.violations) == (True, ())
    assert (done.traces, done.outcomes) == (learned.traces, learned.outcomes)


def test_what_a_restart_leaves_half_done(guide: Explore) -> None:
    values = {violation.kind: violation for violation in guide("R+W+P", GUIDE, replays=2).violations}
    half = values["half-done"]
    assert (half.confirmed, half.replayed) == (True, 2)
    assert half.schedule == "v1 V1:GET V1:GET V1:TTL V1:EXEC V2:GET V2:GET V2:TTL V2:EXEC V2:DEL @restart:A"
    assert half.steps[-1].what == "(cut short)"


def test_nothing_is_left_behind(guide: Explore, guide_folder: Path) -> None:
    endpoints = status_of(guide_folder).endpoints
    with redis.Redis(port=endpoints.redis_port) as client:
        before = set(client.keys("*"))
        guide("R+W", GUIDE)
        guide("R+W", GUIDE, mode=Mode.DIRECT)
        assert set(client.keys("*")) <= before

    assert httpx.get(f"{endpoints.control}/rules").json() == {"rules": []}
    assert httpx.get(f"{endpoints.control}/held").json()["held"] == []


def test_a_budget_makes_it_inconclusive_or_a_find(guide: Explore, atomic: Explore) -> None:
    some = guide("R+W+E", GUIDE, budget_traces=50)
    assert (some.traces, some.complete, some.exit_code) == (50, False, 1)
    none = atomic("R+W+E+X", ATOMIC, budget_traces=3, mode=Mode.DIRECT)
    assert (none.complete, none.violations, none.exit_code) == (False, (), 3)
    assert "budget" in none.verdict


def test_random_walks_and_few_preemptions_are_never_complete(guide: Explore) -> None:
    walks = guide("R+W+E", GUIDE, mode=Mode.RANDOM, walks=200)
    assert (walks.traces, walks.complete) == (200, False)
    assert "lost-attempt" in kinds(walks)
    calm = guide("R+R", GUIDE, preemptions=0)
    assert (calm.traces, calm.exit_code) == (2, 3)
    one = guide("R+R", GUIDE, preemptions=1)
    assert kinds(one) == {"double-success"} or "double-success" in kinds(one)
    assert calm.traces is not None and one.traces is not None
    assert calm.traces < one.traces < 36


def test_it_is_kept_and_replayed(guide: Explore, guide_folder: Path) -> None:
    done = guide("R+W+X", GUIDE)
    folder = guide_folder / "runs" / str(done.run_id)
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(done.to_json())
    )
    for violation in done.violations:
        path = Path(str(violation.scenario_file))
        scenario = parse(path.read_text(encoding="utf-8"), path.name)
        assert scenario.strategies == (GUIDE,)
        assert resolve_target(str(path), guide_folder).scenario.id == f"explored-{violation.kind}"
        assert violation.reproduce and violation.reproduce.startswith("devenv replay ")
    played = replay_word(
        str(done.violations[0].scenario_file),
        replace(load(guide_folder, {}), state_dir=guide_folder, backend="embedded"),
        strategy=GUIDE,
        repeat=2,
        progress=lambda line: None,
    )
    assert played.result.deviations == ()


def test_junit(guide: Explore, atomic: Explore) -> None:
    text = junit_xml(
        map(junit_suite, [guide("W+W", GUIDE), atomic("W+W", ATOMIC), atomic("W+W", ATOMIC, budget_traces=1)])
    )
    assert text.count("<failure") == 1
    assert text.count("<error") == 1
    assert "Reproduce with: devenv replay" in text


def test_somebody_elses_rules_at_the_gate_are_in_the_way(guide: Explore, guide_folder: Path) -> None:
    control = status_of(guide_folder).endpoints.control
    rule = httpx.post(f"{control}/rules", json={"action": "error", "command": "TTL"}).json()["id"]
    try:
        with pytest.raises(EnvironmentProblem, match=f"the gate has rules in force.*: {rule}"):
            guide("R", GUIDE)
    finally:
        httpx.delete(f"{control}/rules", params={"id": rule})
    assert guide("R", GUIDE).complete


def test_pods_without_redis_go_round_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = started(
        tmp_path, GUIDE, pod_env={"captcha-api-b": {"REDIS_PORT": "1", "REDIS_TIMEOUT_MS": "100"}}
    )
    try:
        with pytest.raises(EnvironmentProblem, match="without a Redis command through the gate"):
            exploring(tmp_path)("R+W", GUIDE)
    finally:
        stack.stop()


def test_unknown_jobs_are_refused(guide_folder: Path) -> None:
    control = status_of(guide_folder).endpoints.control
    assert httpx.get(f"{control}/explore").json() == {
        "pods": ["captcha-api-a", "captcha-api-b", "captcha-api-c"]
    }
    refused: Any = httpx.post(f"{control}/explore/run", json={"jobs": [{"kind": "scheduled"}]})
    assert refused.status_code == 400

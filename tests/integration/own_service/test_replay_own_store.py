"""``replay`` on a user-provided service: its own commands, pods of different stores, a scenario's needs.

The service reads its session and writes it back with SETEX, without MULTI: attempts get lost.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import devenv_run

SERVICES = Path(__file__).parent / "replay_services"
ASKS_READY = """\
version: 1
id: asks-ready
title: A restart, then a look at /ready
cause: pod-restart
needs: [R]
stack: {pods: 2, env: {LOG_LEVEL: debug}}
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {s: any}
steps:
  - {create: s, pod: A}
  - {restart: A}
  - {get: /ready, expect: {status: 200}}
"""
LOOKS_INSIDE = """\
version: 1
id: looks-inside
title: A look at a field within a field of the session
cause: lost-attempt
needs: [X]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {s: any}
steps:
  - {create: s, pod: A}
  - redis: s
    expect: {exists: true, fields: {sum.right: RIGHT, tries: 0}}
"""
OF_A_PERSON = """\
version: 1
id: of-a-person
title: A wrong answer on the other pod
cause: pod-memory
needs: [R]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {s: any}
steps:
  - {create: s, pod: A}
  - {verify: s, pod: B, answer: wrong, expect: EXPECT}
"""
EXPECTATIONS = {
    "wrong": "{outcome: wrong}",
    "success": "{outcome: success}",
    "by-store": "{guide: {outcome: success}}",
}
NO_SESSION = """\
version: 1
id: no-session
title: A request about no session
cause: pod-memory
needs: [R]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
steps:
  - {request: GET /nothing-here, pod: A, expect: EXPECT}
"""
Devenv = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def devenv(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Devenv]:
    """The command line in the folder of the service, whose stack runs with its sessions in Redis."""
    folder = tmp_path_factory.mktemp("setex") / "service"
    shutil.copytree(SERVICES / "setex", folder)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return devenv_run(folder, environment, *words)

    started = run("up", "-d", "--use-redis")
    assert started.returncode == 0, started.stderr
    (folder / "asks-ready.yaml").write_text(ASKS_READY, encoding="utf-8")
    for right in (7, 8):
        text = LOOKS_INSIDE.replace("RIGHT", str(right))
        (folder / f"looks-inside-{right}.yaml").write_text(text, encoding="utf-8")
    for name, expect in EXPECTATIONS.items():
        text = OF_A_PERSON.replace("EXPECT", expect)
        (folder / f"person-{name}.yaml").write_text(text, encoding="utf-8")
    for name, expect in {
        "404": "{status: 404}",
        "200": "{status: 200}",
        "store": "{guide: {status: 200}}",
    }.items():
        (folder / f"request-{name}.yaml").write_text(NO_SESSION.replace("EXPECT", expect), encoding="utf-8")
    yield run
    run("down")


def replayed(devenv: Devenv, *words: str) -> tuple[int, Any]:
    """Exit code and result of a replay."""
    done = devenv("replay", *words, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def pods(devenv: Devenv) -> list[tuple[int, str]]:
    """Each pod's process and flag: a restarted pod has another process."""
    status = json.loads(devenv("status", "--json").stdout)
    return [(pod["pid"], pod["settings"]["USE_REDIS"]) for pod in status["pods"]]


def test_a_race_of_the_catalogue_is_imposed_and_found(devenv: Devenv) -> None:
    before = pods(devenv)
    code, result = replayed(devenv, "lost-attempt")
    assert result["schedules"] == ["v1 one:GET two:GET one:SETEX two:SETEX"]
    assert result["orders_not_met"] == []
    assert (code, result["verdict"]) == (1, "fails")
    assert {violation["kind"] for violation in result["violations"]} == {
        "lost-attempt",
        "more-than-two-graded",
    }
    assert (result["strategy"], result["deviations"], result["expected"]["steps"][1:]) == (None, [], [])
    assert [outcome["cause"] for outcome in result["findings"]] == ["lost-attempt"]
    assert pods(devenv) != before  # REDIS_TIMEOUT_MS, and back
    again_code, again = replayed(devenv, result["run"])
    assert (again_code, again["schedules"], again["verdict"]) == (1, result["schedules"], "fails")
    checked = devenv("check", "latest", "--json")
    assert checked.returncode == 1
    kinds = {violation["kind"] for violation in json.loads(checked.stdout)["violations"]}
    assert kinds == {"lost-attempt", "more-than-two-graded"}, "check says of its history what replay said"


def test_a_field_within_a_field_of_the_session_is_looked_at(devenv: Devenv) -> None:
    code, result = replayed(devenv, "looks-inside-7.yaml", "--strategy", "guide")
    assert (code, result["verdict"], result["deviations"]) == (0, "holds", [])
    code, result = replayed(devenv, "looks-inside-8.yaml", "--strategy", "guide")
    assert code == 1
    assert "sum.right: expected 8, got 7" in json.dumps(result["deviations"])


@pytest.mark.parametrize(
    ("file", "code", "verdict", "deviation", "not_judged"),
    [
        ("person-wrong", 0, "holds", "", []),
        ("person-success", 1, "fails", 'outcome: expected success, got "wrong"', []),
        ("person-by-store", 0, "holds", "", [2]),  # the session was found: that is judged
        ("request-404", 0, "holds", "", []),
        ("request-200", 1, "fails", "status: expected 200, got 404", []),
        ("request-store", 3, "not checked", "", [1]),
    ],
)
def test_what_a_file_expects_of_every_store_counts_for_the_services_own_store(
    devenv: Devenv, file: str, code: int, verdict: str, deviation: str, not_judged: list[int]
) -> None:
    done, result = replayed(devenv, f"{file}.yaml")
    assert (done, result["verdict"], result["strategy"]) == (code, verdict, None)
    assert [item["told"] for item in result["deviations"]] == ([deviation] if deviation else [])
    assert result["expectations_not_judged"] == not_judged
    again, of_the_run = replayed(devenv, result["run"])
    assert (again, of_the_run["deviations"]) == (code, result["deviations"])


def test_what_was_judged_is_said(devenv: Devenv) -> None:
    failed = devenv("replay", "person-success.yaml")
    assert failed.returncode == 1
    assert (
        "step 2 (line 10, verify s on captcha-api-b: wrong): outcome: expected success, got" in failed.stdout
    )
    assert "✗ fails: it did not go as expected" in failed.stdout
    by_store = devenv("replay", "person-by-store.yaml")
    assert by_store.returncode == 0
    assert "Not judged: what of-a-person expects at step 2" in " ".join(by_store.stdout.split())
    nothing = devenv("replay", "request-store.yaml")
    assert nothing.returncode == 3
    assert "nothing was judged: the scenario expects nothing of this store" in " ".join(
        nothing.stdout.split()
    )


def test_two_successes_are_found(devenv: Devenv) -> None:
    code, result = replayed(devenv, "double-success")
    assert code == 1
    assert "double-success" in [violation["kind"] for violation in result["violations"]]


def test_an_order_that_was_not_met_is_inconclusive_and_says_why(devenv: Devenv) -> None:
    code, result = replayed(devenv, "ttl-rounds-to-zero")
    assert (code, result["verdict"]) == (3, "inconclusive")
    assert result["orders_not_met"] == ["@age:alice before late:TTL: late never sent TTL; it sent GET, SETEX"]
    code, result = replayed(devenv, "lost-attempt", "--schedule", "v1 one:GET two:GET one:EXEC")
    assert (code, result["verdict"]) == (3, "inconclusive")
    assert result["orders_not_met"] == ["step 3 of the schedule is one:EXEC, but one waits with SETEX"]
    done = devenv("replay", "ttl-rounds-to-zero", "--strategy", "guide")
    assert done.returncode == 3
    assert "the order was not met" in done.stdout
    assert "nothing wrong" not in done.stdout
    assert "fails" not in done.stdout


def test_sessions_that_are_found_on_either_pod(devenv: Devenv) -> None:
    before = pods(devenv)
    code, result = replayed(devenv, "lost-session")
    assert (code, result["verdict"], result["strategy"], result["store"]) == (0, "holds", None, "Redis")
    assert result["violations"] == result["deviations"] == []
    assert pods(devenv) == before


def test_pods_with_different_flags_are_played_as_they_are(devenv: Devenv) -> None:
    assert devenv("toggle", "off", "--pod", "b").returncode == 0
    try:
        before = pods(devenv)
        assert [flag for _pid, flag in before] == ["true", "false"]
        code, result = replayed(devenv, "lost-session")
        assert pods(devenv) == before
        assert (code, result["verdict"]) == (1, "fails")
        assert result["store"] == "Redis on captcha-api-a, memory on captcha-api-b"
        assert [violation["kind"] for violation in result["violations"]] == ["not-linearizable"]
        assert [outcome["cause"] for outcome in result["findings"]] == ["mixed-flags"]
    finally:
        assert devenv("toggle", "on", "--pod", "b").returncode == 0


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("empty-bypass", "empty-bypass:38 needs an answer to sum that is empty, and none is known"),
        (
            "pod-memory-imagegrid",
            "pod-memory-imagegrid needs sessions of type 'imagegrid', and the service has none",
        ),
        ("asks-ready.yaml", "asks-ready needs GET /ready, and the service answers HTTP 404"),
    ],
)
def test_needs_are_checked_before_a_pod_is_restarted(devenv: Devenv, scenario: str, reason: str) -> None:
    before = pods(devenv)
    done = devenv("replay", scenario)
    assert done.returncode == 2
    assert reason in done.stderr
    assert pods(devenv) == before

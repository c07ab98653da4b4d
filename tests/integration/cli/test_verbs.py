"""The verbs on one running stack. Each test leaves the stack as it found it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.support import HANG_GUARD_S

CommandLine = Any  # of conftest.py
A, B = "captcha-api-a", "captcha-api-b"


@pytest.fixture
def with_redis(running: CommandLine) -> Iterator[CommandLine]:
    running.json("toggle", "on")
    yield running
    running.json("toggle", "off")


def served_by(traffic: str) -> str:
    return httpx.get(f"{traffic}/", trust_env=False).headers["X-Served-By"]


def test_status_tells_pods_policy_and_redis(running: CommandLine) -> None:
    status = running.json("status")
    assert [pod["name"] for pod in status["pods"]] == [A, B]
    assert [pod["settings"]["USE_REDIS"] for pod in status["pods"]] == ["false", "false"]
    assert status["stores"] == {A: "memory", B: "memory"}
    assert status["policy"] == "round-robin"
    assert status["redis_engine"] in ("redis", "valkey")
    shown = running.run("status").stdout
    for word in (A, B, "memory", "round-robin", status["redis_version"], status["endpoints"]["traffic"]):
        assert word in shown
    assert "REDIS_PASSWORD" not in json.dumps(status)


@pytest.mark.skipif(os.name != "posix", reason="on Windows the user's profile protects them")
def test_only_the_owner_reads_what_a_stack_keeps(running: CommandLine) -> None:
    running.run("replay", "empty-bypass")
    state = running.folder / ".devenv"
    folders = [state, *(state / name for name in ("logs", "run", "runs"))]
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folders} == dict.fromkeys(
        (path.name for path in folders), "0o700"
    )
    files = [path for path in state.glob("*") if path.is_file()]
    files += [path for path in (state / "runs").glob("*/*") if path.is_file()]
    assert len(files) > 5
    assert {path.name for path in files if path.stat().st_mode & 0o077} == set()


def test_a_second_stack_is_refused_in_the_same_folder(running: CommandLine) -> None:
    done = running.run("up", "--detach")
    assert done.returncode == 4
    assert "already running" in done.stderr
    assert "devenv down" in done.stderr
    assert running.run("status").returncode == 0  # and the first one is none the worse


def test_a_canary_and_back(running: CommandLine) -> None:
    done = running.json("toggle", "on", "--pod", "b", "--strategy", "guide")
    assert done["restarted"] == [B]
    assert done["after"] == {A: "memory", B: "guide"}
    assert done["mixed"] is True
    assert running.json("status")["stores"] == {A: "memory", B: "guide"}
    back = running.json("toggle", "off", "--pod", B)
    assert back["after"] == {A: "memory", B: "memory"}
    assert running.run("toggle", "on", "--pod", "q").returncode == 2


def test_rolling_restarts_one_after_the_other(running: CommandLine) -> None:
    done = running.run("toggle", "off", "--rolling")
    assert done.returncode == 0
    assert done.stdout.index(A) < done.stdout.index(B)


def test_route_changes_the_policy_at_run_time(running: CommandLine) -> None:
    traffic = running.json("status")["endpoints"]["traffic"]
    assert running.json("route", "pinned:b") == {"before": "round-robin", "policy": f"pinned:{B}"}
    assert {served_by(traffic) for _ in range(4)} == {B}
    assert running.json("route") == {"policy": f"pinned:{B}"}
    assert running.json("route", "round-robin")["policy"] == "round-robin"
    assert {served_by(traffic) for _ in range(4)} == {A, B}
    assert running.run("route", "nonsense").returncode == 2


def test_seeded_challenges_are_in_redis_and_status_shows_them(with_redis: CommandLine) -> None:
    assert with_redis.json("seed", "-n", "6")["seeded"] == 6
    lines = (with_redis.folder / ".devenv" / "challenges.jsonl").read_text(encoding="utf-8").splitlines()
    seeded = [json.loads(line) for line in lines]
    assert {one["type"] for one in seeded} == {"abstract", "imagegrid", "handwriting"}
    (listing,) = with_redis.json("status")["keys"]
    values = {key["key"]: key for key in listing["keys"]}
    for one in seeded:
        key = values[one["key"]]
        assert 0 < key["ttl"] <= 60
        assert key["attempts"] == 0
        assert {"type", "cid", "attempts", "created_at"} <= set(key["fields"])
    shown = with_redis.run("status").stdout
    assert all(one["key"] in shown for one in seeded)


def test_seed_direct(with_redis: CommandLine) -> None:
    assert with_redis.json("seed", "-n", "3", "--type", "abstract", "--direct")["types"]["abstract"] == 3


def test_replay_shows_the_bug_then_the_fix_and_a_run_can_be_replayed(
    running: CommandLine, tmp_path: Path
) -> None:
    bug = running.json("replay", "pod-memory-abstract", "--repeat", "3", "--junit", str(tmp_path / "r.xml"))
    assert (bug["strategy"], bug["verdict"], bug["repeat"]) == ("memory", "holds", 3)
    assert bug["identical"] is True
    suites = ET.parse(tmp_path / "r.xml").getroot()
    assert len(suites.findall(".//testcase")) == 3
    assert not suites.findall(".//failure")
    fixed = running.run("replay", "pod-memory-abstract", "--strategy", "atomic")
    assert fixed.returncode == 0
    assert "success" in fixed.stdout
    assert "Challenge not found" not in fixed.stdout
    again = running.json("replay", bug["run"])
    assert (again["scenario"], again["strategy"], again["repeat"]) == ("pod-memory-abstract", "memory", 3)
    assert running.json("status")["stores"] == {A: "memory", B: "memory"}


def test_replay_fails_where_an_expectation_does(running: CommandLine) -> None:
    text = running.json("scenarios", "pod-memory-abstract")["source"]
    wrong = text.replace("outcome: not_found, message: Challenge not found", "outcome: success")
    assert wrong != text
    (running.folder / "wrong.yaml").write_text(wrong, encoding="utf-8")
    done = running.run("replay", "wrong.yaml", "--strategy", "memory")
    assert done.returncode == 1
    assert "✗" in done.stdout
    assert "Challenge not found" in done.stdout


def test_logs_of_one_and_of_all(running: CommandLine) -> None:
    assert all(line.startswith(A) for line in running.json("logs", "a", "--tail", "3")["lines"])
    names = {line.split("|")[0].strip() for line in running.json("logs")["lines"]}
    assert {A, B, "redis", "mock-ml"} <= names
    assert running.run("logs", "nobody").returncode == 2


def test_a_taken_port_names_its_owner(running: CommandLine, devenv: CommandLine) -> None:
    port = running.json("status")["endpoints"]["traffic"].rpartition(":")[2]
    done = devenv.run("up", "--detach", "--port", port)
    assert done.returncode == 4
    assert f"port {port}" in done.stderr
    assert "pid" in done.stderr
    assert devenv.run("status").returncode == 4


def test_a_reader_that_has_seen_enough_is_no_failure(running: CommandLine) -> None:
    with running.start("logs", "--follow") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        running.run("route")  # its request makes somebody log, so that the next line finds nobody reading
        running.json("replay", "pod-memory-abstract", "--strategy", "memory")
        assert process.wait(HANG_GUARD_S) == 0

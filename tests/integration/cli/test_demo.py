"""The whole story, and that nothing of it stays behind, however it ends."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from devenv.stack.balancers import WHEEL, override_of
from tests.integration.cli.test_pairs import pairs_of
from tests.integration.stack.balancers.test_process import program_of
from tests.support import HANG_GUARD_S, ROOT, all_gone, until

CommandLine = Any  # of conftest.py
TYPES = {"abstract", "imagegrid", "handwriting"}


def test_the_story_holds_and_is_kept(devenv: CommandLine) -> None:
    report = devenv.json("demo", "--trials", "2")
    assert report["verdict"] == "holds"
    assert report["redis"]["engine"] in ("redis", "valkey")
    assert report["seconds"] > 0
    memory, guide, race, atomic = report["acts"]
    assert [(act["use_redis"], act["strategy"]) for act in report["acts"]] == [
        (False, "memory"), (True, "guide"), (True, "guide"), (True, "atomic")
    ]  # fmt: skip
    for act in (memory, guide, atomic):
        assert set(act["results"]) == TYPES
        for kind, result in act["results"].items():
            lost = "wrong" if kind == "handwriting" else "not_found"
            expected = lost if act is memory else "success"
            assert result["cross_pod"]["trials"] == result["cross_pod"][expected] == 2
            assert result["same_pod"]["trials"] == result["same_pod"]["success"] == 2
    assert memory["keys"] == []
    assert {key["kind"] for key in guide["keys"]} == TYPES
    assert all(0 < key["ttl"] <= 60 for key in guide["keys"])
    assert race["results"] == {}
    for act, passed in ((race, 5), (atomic, 0)):
        assert act["race"]["scenario"] == "empty-bypass"
        assert act["race"]["repeat"] == 5
        assert act["race"]["identical"] is True
        assert act["race"]["empty_passed"] == passed
    assert race["race"]["schedule"] == (
        "v1 guess:GET solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET guess:TTL guess:EXEC"
    )
    assert atomic["race"]["schedule"] == "v1 solve:EVALSHA guess:EVALSHA"
    findings = {value["cause"]: value for value in race["race"]["findings"]}
    assert set(findings) == {"resurrected-key", "empty-bypass"}
    assert {value["count"] for value in findings.values()} == {5}
    assert atomic["race"]["findings"] == []

    folder = devenv.folder / ".devenv" / "runs" / report["run"]
    assert Path(report["report"]).resolve() == (folder / "report.html").resolve()
    HTMLParser().feed((folder / "report.html").read_text(encoding="utf-8"))
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["verdict"] == "holds"
    exchanges = (folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["pod"] for line in exchanges} == {"captcha-api-a", "captcha-api-b"}
    assert (folder / "history.jsonl").read_text(encoding="utf-8").count('"invoke"') > 24
    picture = (folder / "sequence.mmd").read_text(encoding="utf-8")
    for words in ("Challenge not found", "let go after DEL", "no TTL: stub", "Challenge already solved"):
        assert words in picture
    orders = (folder / "schedule.txt").read_text(encoding="utf-8").splitlines()
    assert orders == [race["race"]["schedule"], atomic["race"]["schedule"]]
    explained = devenv.json("explain", report["run"], code=1)
    assert {"pod-memory", "resurrected-key", "empty-bypass"} <= {
        finding["cause"] for finding in explained["findings"]
    }
    assert sorted(path.name for path in (devenv.folder / ".devenv").iterdir()) == [".gitignore", "runs"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Act 4"), ("ko", "4막")])
def test_the_story_in_both_languages(devenv: CommandLine, lang: str, words: str) -> None:
    done = devenv.run("demo", "--trials", "1", "--lang", lang)
    assert done.returncode == 0
    assert words in done.stdout
    assert "Challenge not found" in done.stdout
    assert "EVALSHA" in done.stdout  # what the pod really said to Redis, in the picture
    assert '{"attempts": 1}, no TTL' in done.stdout  # what lay there, in the picture of the race


def test_the_atomic_store_can_play_the_second_act(devenv: CommandLine) -> None:
    report = devenv.json("demo", "--trials", "1", "--strategy", "atomic")
    assert [act["strategy"] for act in report["acts"]] == ["memory", "atomic", "guide", "atomic"]
    assert report["verdict"] == "holds"
    assert "--strategy atomic" in report["command"]


def test_ctrl_c_leaves_nothing(devenv: CommandLine) -> None:
    with devenv.start("demo") as process:
        devenv.read_until(process, "captcha-api-a ready")
        everyone = devenv.family(process)
        assert len(everyone) > 3
        devenv.interrupt(process)
        assert process.wait(HANG_GUARD_S) == 130
    until(lambda: all_gone(everyone), "the demo's processes are gone")
    assert not list((devenv.folder / ".devenv").glob("temporary-*"))


def test_kill_9_leaves_no_process(devenv: CommandLine) -> None:
    with devenv.start("demo") as process:
        devenv.read_until(process, "captcha-api-a ready")
        everyone = devenv.family(process)
        process.kill()
        process.wait(HANG_GUARD_S)
    until(lambda: all_gone(everyone), "the demo's processes are gone")
    left = list((devenv.folder / ".devenv").glob("temporary-*"))
    assert devenv.json("demo", "--trials", "1")["verdict"] == "holds"
    assert not [folder for folder in left if folder.exists()]  # the next demo tidies up


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_up_in_the_foreground_shows_logs_until_ctrl_c(devenv: CommandLine) -> None:
    with devenv.start("up") as process:
        devenv.read_until(process, "Ctrl-C ends the stack")
        status = devenv.json("status")
        assert len(status["pods"]) == 2
        everyone = devenv.family(process)
        devenv.interrupt(process)
        assert process.wait(HANG_GUARD_S) == 130
    until(lambda: all_gone(everyone), "the stack's processes are gone")
    assert devenv.run("status").returncode == 4


def test_down_ends_a_detached_stack(devenv: CommandLine) -> None:
    status = devenv.json("up", "-d", "--pods", "3", "--use-redis", "--policy", "random")
    assert [pod["settings"]["USE_REDIS"] for pod in status["pods"]] == ["true"] * 3
    assert status["spec"]["policy"] == "random"
    assert devenv.json("down") == {"stopped": ["embedded"]}
    assert devenv.json("down") == {"stopped": []}


def test_a_file_of_ones_own_is_taken_over_and_its_differences_are_told(
    devenv: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_of("nginx")
    monkeypatch.setenv("DEVENV_NGINX", WHEEL)
    path = ROOT / "tests" / "unit" / "core" / "balancers" / "own" / "nginx_non_idempotent.conf"
    report = devenv.json("up", "-d", "--balancer-config", str(path))
    assert (report["balancer"]["setting"], report["balancer"]["state"]) == ("nginx:own-file", "running")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert report["balancer_changes"]
    for change in report["balancer_changes"]:
        assert set(change) == {"line", "before", "after", "why"}
        assert change["before"].split()[0] in lines[change["line"] - 1]
    assert devenv.json("route")["policy"] == "nginx:own-file"
    code, pairs = pairs_of(devenv)  # the image in between hides the loss, and is not taken for a fix
    alone = [pairs["one_at_a_time"][f"{name}_request_between"]["not_found_share"] for name in ("no", "one")]
    assert (code, alone) == (1, [1.0, 0.0])
    replayed = devenv.json("replay", "double-click")  # on the stack that runs
    assert "--balancer" not in replayed["command"]
    assert devenv.json("down") == {"stopped": ["embedded"]}


IN_TURN = {"new": 1.0, "new+image": 0.0, "kept": 1.0, "kept+image": 0.0}


@pytest.mark.parametrize(
    "setting",
    ["nginx:round_robin", "haproxy:roundrobin", "envoy:round_robin", "traefik:wrr", "caddy:random"],
)
def test_behind_each_balancer_it_shows_what_each_kind_of_client_loses(
    devenv: CommandLine, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    product = setting.partition(":")[0]
    program_of(product)
    monkeypatch.setenv(override_of(product), WHEEL)
    report = devenv.json("demo", "--trials", "1", "--balancer", product)
    assert (report["verdict"], report["balancer"]) == ("holds", setting)
    assert report["command"].endswith(f"--balancer {setting}")
    memory, guide, race, _ = report["acts"]
    lost = {row["name"]: row["lost"] / row["sessions"] for row in memory["patterns"]}
    users = lost.pop("users")
    assert 0.1 < users < 0.9
    if setting == "caddy:random":
        assert all(0.1 < share < 0.9 for share in lost.values())
    else:
        assert lost == IN_TURN
    assert [row["lost"] for row in guide["patterns"]] == [0] * 5
    assert race["race"]["empty_passed"] == 5
    assert race["patterns"] == []

"""The whole story, and that nothing of it stays behind, however it ends."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

CommandLine = Any  # of conftest.py
TYPES = {"abstract", "imagegrid", "handwriting"}


def test_the_story_holds_and_is_kept(devenv: CommandLine) -> None:
    told = devenv.json("demo", "--trials", "2")
    assert told["verdict"] == "holds"
    assert told["redis"]["engine"] in ("redis", "valkey")
    assert told["seconds"] > 0
    memory, redis = told["acts"]
    assert (memory["use_redis"], memory["strategy"]) == (False, "memory")
    assert (redis["use_redis"], redis["strategy"]) == (True, "atomic")
    for act in (memory, redis):
        assert set(act["results"]) == TYPES
        for kind, result in act["results"].items():
            lost = "wrong" if kind == "handwriting" else "not_found"
            expected = "success" if act is redis else lost
            assert result["cross_pod"]["trials"] == result["cross_pod"][expected] == 2
            assert result["same_pod"]["trials"] == result["same_pod"]["success"] == 2
    assert memory["keys"] == []
    assert {key["kind"] for key in redis["keys"]} == TYPES
    assert all(0 < key["ttl"] <= 60 for key in redis["keys"])

    folder = devenv.folder / ".devenv" / "runs" / told["run"]
    assert Path(told["report"]).resolve() == (folder / "report.html").resolve()
    HTMLParser().feed((folder / "report.html").read_text(encoding="utf-8"))
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["verdict"] == "holds"
    exchanges = (folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["pod"] for line in exchanges} == {"captcha-api-a", "captcha-api-b"}
    assert (folder / "history.jsonl").read_text(encoding="utf-8").count('"invoke"') > 24
    assert "Challenge not found" in (folder / "sequence.mmd").read_text(encoding="utf-8")
    assert sorted(path.name for path in (devenv.folder / ".devenv").iterdir()) == ["runs"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Act 2"), ("ko", "2막")])
def test_the_story_in_both_languages(devenv: CommandLine, lang: str, words: str) -> None:
    done = devenv.run("demo", "--trials", "1", "--lang", lang)
    assert done.returncode == 0
    assert words in done.stdout
    assert "Challenge not found" in done.stdout
    assert "EVALSHA" in done.stdout  # what the pod really said to Redis, in the picture


def test_the_guides_store_can_play_the_second_act(devenv: CommandLine) -> None:
    told = devenv.json("demo", "--trials", "1", "--strategy", "guide")
    assert told["acts"][1]["strategy"] == "guide"
    assert told["verdict"] == "holds"


def test_ctrl_c_leaves_nothing(devenv: CommandLine) -> None:
    with devenv.start("demo") as process:
        devenv.read_until(process, "captcha-api-a ready")
        everyone = devenv.family(process)
        assert len(everyone) > 3
        devenv.interrupt(process)
        assert process.wait(30) == 130
    devenv.wait_for(lambda: devenv.all_gone(everyone), "the demo's processes are gone")
    assert not list((devenv.folder / ".devenv").glob("temporary-*/embedded.json"))


def test_kill_9_leaves_no_process(devenv: CommandLine) -> None:
    with devenv.start("demo") as process:
        devenv.read_until(process, "captcha-api-a ready")
        everyone = devenv.family(process)
        process.kill()
        process.wait(30)
    devenv.wait_for(lambda: devenv.all_gone(everyone), "the demo's processes are gone")
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
        assert process.wait(30) == 130
    devenv.wait_for(lambda: devenv.all_gone(everyone), "the stack's processes are gone")
    assert devenv.run("status").returncode == 4


def test_down_ends_a_detached_stack(devenv: CommandLine) -> None:
    status = devenv.json("up", "-d", "--pods", "3", "--use-redis", "--policy", "random")
    assert [pod["settings"]["USE_REDIS"] for pod in status["pods"]] == ["true"] * 3
    assert status["spec"]["policy"] == "random"
    assert devenv.json("down") == {"stopped": ["embedded"]}
    assert devenv.json("down") == {"stopped": []}

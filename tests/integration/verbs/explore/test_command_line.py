"""``devenv explore`` at the command line, on a stack that runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.events import Exchange, StackEvent
from devenv.harness.runs.folders import Run
from devenv.harness.runs.trace import read_numbered
from devenv.verbs.explain.source import explain_run
from tests.support import HANG_GUARD_S, devenv_command, devenv_here


@pytest.fixture
def devenv(guide_folder: Path) -> Any:
    """Runs the command line in a folder whose .devenv is the running stack's."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "DEVENV_STATE_DIR": str(guide_folder), "NO_COLOR": "1"}
        return devenv_here(guide_folder, env, "explore", *words)

    return run


def test_json_and_exit_code(devenv: Any) -> None:
    done = devenv("R+R", "--json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert {"scenario", "strategy", "mode", "complete", "traces", "violations", "requests", "seconds"} <= set(
        report
    )
    assert (report["scenario"], report["strategy"], report["mode"]) == ("R+R", "guide", "learned")
    assert (report["complete"], report["traces"]) == (True, 36)
    first = report["violations"][0]
    assert {"kind", "schedule", "confirmed", "replayed"} <= set(first)


def test_what_was_found_lies_in_a_report_and_is_explained(devenv: Any, guide_folder: Path) -> None:
    """The records are those of the orders on real pods: explain finds the causes that the search names."""
    done = devenv("R+W+E", "--json")
    result = json.loads(done.stdout)
    folder = guide_folder / "runs" / result["run"]
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="walk"' in report
    assert all(violation["schedule"] in report for violation in result["violations"])
    events = [event for _, event in read_numbered(folder / "trace.jsonl")]
    orders = [event.detail for event in events if isinstance(event, StackEvent) and event.what == "order"]
    assert orders == [
        {"kind": violation["kind"], "order": violation["schedule"]} for violation in result["violations"]
    ]
    exchanges = [event for event in events if isinstance(event, Exchange)]
    assert [event.seq for event in exchanges] == [*range(1, len(exchanges) + 1)]
    assert len(exchanges) == sum(len(violation["requests"]) for violation in result["violations"])
    explained = explain_run(Run(folder))
    assert {"resurrected-key", "lost-attempt", "empty-bypass"} <= {group.cause for group in explained.groups}


def test_for_people(devenv: Any) -> None:
    done = devenv("W+A", "--junit", "found.xml")
    assert done.returncode == 1, done.stderr
    assert "ttl-rounds-to-zero" in done.stdout
    assert "V1 GET GET TTL=0 EXEC" in done.stdout
    assert "Reproduce with: devenv replay" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["R+Q"], "'Q' in 'R+Q' is no request and no event"),
        (["R", "--budget", "soon"], "--budget 'soon' is neither"),
        (["R", "--events", "flood"], "'flood' is no event"),
        (["R", "--strategy", "memory"], "memory keeps nothing in Redis"),
        (["R", "--compare", "guide,best"], "'best' is no store"),
        (["R", "--compare", "guide,memory"], "memory keeps nothing in Redis"),
        (["R", "--budget", "0s"], "--budget '0s': nothing could be tried"),
        (["R", "--strategy", "watch", "--redis", "cluster"], "the watch store has no cluster client"),
        (["R", "--mode", "direct", "--preemptions", "1"], "--mode direct knows no bound"),
        (["R+E", "--type", "handwriting"], "an empty answer to a handwriting challenge"),
    ],
)
def test_usage(devenv: Any, words: list[str], sentence: str) -> None:
    done = devenv(*words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "learning" not in done.stderr  # told before anything is explored


def test_a_budget_that_finds_nothing_is_inconclusive(devenv: Any) -> None:
    done = devenv("W+X", "--budget", "1", "--mode", "direct", "--json")
    report = json.loads(done.stdout)
    assert (report["complete"], report["traces"]) == (False, 1)
    assert done.returncode == (3 if not report["violations"] else 1)


@pytest.mark.parametrize("words", [("W+E+X",), ("R+R+X", "--mode", "direct"), ("R+W+E", "--mode", "random")])
def test_the_same_under_two_hash_seeds(devenv: Any, monkeypatch: pytest.MonkeyPatch, words: Any) -> None:
    lines = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        data = json.loads(devenv(*words, "--json").stdout)
        for name in ("seconds", "stages", "run"):
            del data[name]
        for violation in data["violations"]:
            del violation["scenario_file"], violation["reproduce"]  # in a folder with the run's time
        lines.append(json.dumps(data))
    assert lines[0] == lines[1]
    assert '"violations": [{' in lines[0]


@pytest.mark.parametrize("ended", ["budget", "Ctrl-C"])
@pytest.mark.skipif(os.name == "nt", reason="a signal as a terminal sends it")
def test_learning_can_be_ended_too(guide_folder: Path, ended: str) -> None:
    """Going through the states of eight requests takes long. What was not searched is not counted."""
    env = {**os.environ, "DEVENV_STATE_DIR": str(guide_folder), "NO_COLOR": "1"}
    words = ["8 W", "--json", *(["--budget", "1s"] if ended == "budget" else [])]
    child = subprocess.Popen(
        devenv_command("explore", *words),
        env=env, cwd=guide_folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    if ended == "Ctrl-C":
        assert child.stderr is not None
        for line in child.stderr:
            if "learning: " in line:
                break
        child.send_signal(signal.SIGINT)
    report = json.loads(child.communicate(timeout=HANG_GUARD_S)[0])
    why = {"budget": "the budget was used up", "Ctrl-C": "interrupted"}[ended]
    assert (report["complete"], report["incomplete"], report["traces"]) == (False, why, None)
    # What was met until then counts, where there was time to meet something.
    met = any(violation["confirmed"] for violation in report["violations"])
    assert child.returncode == (1 if met else 3)


@pytest.mark.skipif(os.name == "nt", reason="a signal as a terminal sends it")
def test_ctrl_c_ends_confirming_and_comparing(guide_folder: Path) -> None:
    """What was not run on real pods is shown as not confirmed; the search was complete all the same."""
    env = {**os.environ, "DEVENV_STATE_DIR": str(guide_folder), "NO_COLOR": "1"}
    words = ["R+R", "--replays", "1000", "--compare", "guide,atomic", "--json"]
    child = subprocess.Popen(
        devenv_command("explore", *words),
        env=env, cwd=guide_folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if "confirming" in line:
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=HANG_GUARD_S)
    [message] = json.loads(out)["compared"]
    assert (message["complete"], message["traces"]) == (True, 36)
    assert [(violation["confirmed"], violation["why"]) for violation in message["violations"]] == [
        (False, "interrupted")
    ] * 2
    assert "interrupted: not explored: atomic" in err
    assert child.returncode == 3


@pytest.mark.skipif(os.name == "nt", reason="a signal as a terminal sends it")
def test_ctrl_c_keeps_what_was_found(guide_folder: Path) -> None:
    env = {**os.environ, "DEVENV_STATE_DIR": str(guide_folder), "NO_COLOR": "1"}
    child = subprocess.Popen(
        devenv_command("explore", "R+W+E", "--mode", "direct", "--json", "--replays", "1"),
        env=env, cwd=guide_folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if re.search(r"[1-9]\d* traces, .* violations: (?!none)", line):
            break
    child.send_signal(signal.SIGINT)
    report = json.loads(child.communicate(timeout=HANG_GUARD_S)[0])
    assert (report["complete"], report["incomplete"]) == (False, "interrupted")
    assert 0 < report["traces"] < 1_977
    assert [violation["confirmed"] for violation in report["violations"]]
    assert child.returncode == 1

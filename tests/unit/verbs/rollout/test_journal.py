"""The rollout's file: compare-and-set, requests, and locks that a killed process has left."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.verbs.rollout.journal import Conflict, Phase, RolloutJournal, RolloutState, ask

STATE = RolloutState(plan="text", name="plan.yaml", token="secret")
ROW = {
    "number": 1, "name": "one", "predicted_loss": 0.1, "test": {"sessions": 3, "lost": 1},
    "decision": "holds", "verdicts": {"kept": 2, "lost": 1}, "first_refusal": "",
    "lost_between": [{"born": "off", "used": "on", "same_pod": False, "sessions": 1, "why": "memory"}],
}  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    assert journal.read() is None
    written = journal.create(replace(STATE, pods={"a": "off"}, results=[ROW]))
    assert journal.read() == written == journal.present()
    assert "secret" not in str(written.to_json())


def test_of_two_who_read_the_same_state_one_writes(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    read = journal.create(STATE)
    journal.compare_and_set(read, replace(read, step=1))
    with pytest.raises(Conflict):
        journal.compare_and_set(read, replace(read, step=2))
    assert journal.present().step == 1


def test_one_rollout_at_a_time(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    state = journal.create(STATE)
    with pytest.raises(UsageProblem, match=r"a rollout of plan.yaml is under way: step 0, starting"):
        journal.create(STATE)
    journal.compare_and_set(state, replace(state, phase=Phase.DONE))
    assert journal.create(STATE).revision > state.revision


def test_a_request_is_left_where_it_can_be_answered(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    with pytest.raises(UsageProblem, match="there is no rollout here"):
        ask(journal, "promote", [Phase.WAITING])
    state = journal.create(STATE)
    with pytest.raises(UsageProblem, match="is starting at step 0: nothing to promote"):
        ask(journal, "promote", [Phase.WAITING])
    journal.compare_and_set(state, replace(state, phase=Phase.WAITING))
    assert ask(journal, "promote", [Phase.WAITING]).request == "promote"


def test_a_controller_is_known_by_number_and_beginning() -> None:
    process = psutil.Process()
    mine = replace(STATE, pid=process.pid, created=process.create_time())
    assert mine.controlled
    assert not replace(mine, created=mine.created - 100).controlled
    assert not STATE.controlled


def test_a_lock_that_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    lock = tmp_path / "rollout.lock"
    lock.touch()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    journal.create(STATE)
    assert not lock.exists()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be"),
        ({"phase": "gone"}, "phase: Input should be"),
        ({"pods": {"a": 1}}, "pods.a: Input should be a valid string"),
        (
            {"results": [{**ROW, "test": {"sessions": -1, "lost": 0}}]},
            "0.test.sessions: Input should be",
        ),
        ({"results": [{"number": 1}]}, "0.name: Field required"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, changed: str | dict[str, object], named: str) -> None:
    journal = RolloutJournal(tmp_path)
    journal.create(STATE)
    written = json.loads(journal.path.read_text(encoding="utf-8"))
    text = changed if isinstance(changed, str) else json.dumps({**written, **changed})
    journal.path.write_text(text, encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match=r"rollout.json is not readable") as caught:
        journal.read()
    assert named in caught.value.message

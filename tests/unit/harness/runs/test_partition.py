"""A history read line by line, by challenge, is judged as the same history read whole."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from devenv.core.checker.history import parse_history
from devenv.core.checker.judge import judge
from devenv.core.checker.linearizability import Budget
from devenv.core.model.errors import UsageProblem
from devenv.harness.runs import check as checking
from devenv.harness.runs.check import check
from devenv.harness.runs.partition import Partition

KINDS = ("create", *["verify"] * 4, "keys", "expire", "age", "flush")


def history_of(seed: int) -> str:
    """Events of many challenges, right and wrong ones, at once, lost, with flushes, ageing and keys seen."""
    chance, lines, moment = random.Random(seed), [], 0.0
    keys = [f"abstract:{number:08x}" for number in range(12)]
    for process in range(150):
        moment += chance.random() * chance.choice([0.1, 1, 90])
        key, f = (
            chance.choice(keys),
            chance.choice(["create", *["verify"] * 4, "keys", "expire", "age", "flush"]),
        )
        begin: dict[str, object] = {"process": process, "type": "invoke", "f": f, "time": moment, "value": {}}
        end = dict(begin) | {"type": chance.choice(["ok", "ok", "ok", "info", "fail"]), "time": moment + 1}
        if f == "verify":
            begin["value"] = {"answer": chance.choice(["right", "wrong", "empty", "[1, 2]"])}
            answered = {
                "outcome": chance.choice(["success", "wrong", "not_found"]),
                "attempts": chance.choice([1, 2]),
            }
            end["value"] = answered if end["type"] == "ok" else {"status": 503}
        if f == "keys":
            end["value"] = {
                "keys": {f"captcha:{chance.choice(keys)}": chance.choice([-1, 900]) for _ in range(3)}
            }
        if f in ("create", "verify") or (f != "keys" and chance.random() < 0.5):
            begin["key"] = end["key"] = key if chance.random() < 0.97 else None
        lines += [begin] if chance.random() < 0.05 else [begin, end]
    lines.sort(key=lambda line: float(str(line["time"])))
    return "\n".join(json.dumps(line) for line in lines) + "\r\n"


@pytest.mark.parametrize("held", [1, 20, 100_000])
@pytest.mark.parametrize("seed", range(6))
def test_by_challenge_is_as_whole(
    seed: int, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(history_of(seed).encode())
    monkeypatch.setattr(checking, "Partition", lambda: Partition(held))
    whole = judge(parse_history(file.read_text(encoding="utf-8"), str(file)), budget=Budget(300))
    report = check(str(file), tmp_path, steps=300).report
    assert report.to_json() == whole.to_json()
    assert report.challenges == 12 and report.violations


def test_what_cannot_be_read_is_said_as_of_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    problems = {
        None: "No such file",
        b"": "the history is empty",
        b"{}\n": ":1: 'process'",
        b"\n\xff": "line 2",
    }
    for data, message in problems.items():
        if data is not None:
            file.write_bytes(data)
        with pytest.raises(UsageProblem, match=message):
            check(str(file), tmp_path)

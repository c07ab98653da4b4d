"""``devenv check`` as people run it, and the examples of its page."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devenv.core.checker.expressions import FIELDS
from devenv.core.checker.invariants import Kind
from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.harness.runs.check import check
from tests.support import ROOT, devenv_here

PAGE = ROOT.joinpath("docs", "check.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [result] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(result)


GOOD = """
{"process": 0, "type": "invoke", "f": "create", "time": 1}
{"process": 0, "type": "ok", "f": "create", "time": 2, "key": "k"}
{"process": 0, "type": "invoke", "f": "verify", "value": {"answer": "right"}, "time": 3, "key": "k"}
{"process": 0, "type": "ok", "f": "verify", "value": {"outcome": "success", "attempts": 1}, "time": 4}
"""


class Shell:
    """Runs ``devenv check`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {name: item for name, item in os.environ.items() if not name.startswith("DEVENV_")}
        return devenv_here(self.folder, env, "check", *words)

    def json(self, *words: str, code: int) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_example_of_the_page_gives_what_the_page_says(shell: Shell) -> None:
    done = shell.run(shell.write("history.jsonl", block("jsonl")))
    assert done.returncode == 1
    assert block("text") in done.stdout
    report = shell.json("history.jsonl", code=1)
    assert report["verdict"] == "violation"
    assert report["kinds"] == {"double-success": 1, "resurrected-key": 1}


def test_the_rules_of_the_page(shell: Shell) -> None:
    history = shell.write("history.jsonl", block("jsonl"))
    by_yaml = shell.json(history, "--invariants", shell.write("rules.yaml", block("yaml")), code=1)
    one_service = [violation for violation in by_yaml["violations"] if violation["kind"] == "user"]
    assert [item["name"] for item in one_service] == ["one-success-each"]
    assert "challenge abstract:5f0c" in one_service[0]["sentence"]
    rules = shell.write("rules.py", block("python"))
    assert shell.json(history, "--invariants", rules, code=1)["kinds"].get("user") is None
    slow = block("jsonl").replace('"time": 10.16', '"time": 13')
    both = ("--invariants", rules, "--invariants", str(shell.folder / "rules.yaml"))
    report = shell.json(shell.write("slow.jsonl", slow), *both, code=1)["violations"]
    messages = {item["name"]: item["sentence"] for item in report if item["kind"] == "user"}
    assert list(messages) == ["quick", "one-success-each"]
    assert messages["quick"] == "verify right on captcha-api-b (lines 4, 6) took 2.9 s"


def test_every_kind_is_on_the_page() -> None:
    described = set(re.findall(r"`([a-z-]+)`", PAGE))
    assert {str(kind) for kind in Kind} - described == set()
    assert set(FIELDS) - described == set()


def test_exit_codes(shell: Shell) -> None:
    good = shell.write("runs/good/history.jsonl", GOOD)
    done = shell.run(good)
    assert (done.returncode, "✓ holds" in done.stdout) == (0, True)
    assert shell.json("runs/good", code=0)["file"] == str(Path("runs", "good", "history.jsonl"))
    report = shell.json(good, "--steps", "1", code=3)
    assert report["verdict"] == "unknown"
    assert report["undecided"] == [{"challenge": "k", "reason": "the budget ran out after 1 steps"}]
    assert report["longest_partial"] == {"k": [[2, 3]]}
    late = shell.write("late.jsonl", GOOD.replace('"success"', '"not_found"'))
    assert shell.json(late, "--ttl", "0", code=0)["verdict"] == "holds"


def test_a_broken_history_is_exit_2(shell: Shell) -> None:
    done = shell.run(shell.write("h.jsonl", GOOD.replace('"time": 2', '"time": "2"')))
    assert done.returncode == 2
    assert "h.jsonl:3: 'time' must be a number" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def problem(shell: Shell, word: str, invariants: str | None = None) -> str:
    rules = [shell.folder / invariants] if invariants is not None else []
    with pytest.raises(UsageProblem) as caught:
        check(word, shell.folder / ".devenv", invariants=rules)
    return caught.value.message


def test_what_is_not_there(shell: Shell) -> None:
    assert "no.jsonl: cannot be read: No such file" in problem(shell, str(shell.folder / "no.jsonl"))
    assert "no run 'no-such-run'" in problem(shell, "no-such-run")
    assert "history.jsonl: cannot be read" in problem(shell, str(shell.folder))
    (shell.folder / "bytes.jsonl").write_bytes(b"\xff\xfe")
    assert "bytes.jsonl: not UTF-8 at byte 0" in problem(shell, str(shell.folder / "bytes.jsonl"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.yaml", "a: count() ==", "r.yaml:1: a: not readable"),
        (
            "r.yaml",
            "fine: count() >= 0\nbad:\n  holds: open('x') == 1",
            "r.yaml:3: bad.holds: \"open('x')\" is not",
        ),
        (
            "r.yaml",
            "a:\n  for: planet\n  holds: count() == 0",
            "r.yaml:2: a.for: must be one of history, challenge",
        ),
        ("r.yaml", "a:\n  when: now", "r.yaml:2: a: a rule has 'holds' and perhaps 'for'"),
        ("r.yaml", "a: 7", "r.yaml:1: a: an expression is wanted, as text"),
        ("r.yaml", "- a", "r.yaml:1: a mapping of names to expressions is wanted"),
        ("r.yaml", "{}", "r.yaml: no invariant in it"),
        ("r.py", "x = 1", "r.py: no invariant in it"),
        ("r.py", "def f(:", "r.py:1: SyntaxError"),
        ("r.py", "\nimport nothing_like_it", "r.py:2: ModuleNotFoundError"),
        ("r.py", "def invariant_a(history):\n    return 1 / 0", "r.py:2: invariant_a: ZeroDivisionError"),
        ("r.py", "def invariant_a(history):\n    return True", "r.py: invariant_a returned bool"),
        ("r.py", "def invariant_a(history):\n    return ' '", "r.py: invariant_a returned an empty text"),
        ("r.py", "import sys\nsys.exit(0)", "r.py:2: SystemExit: 0"),
        ("r.py", "def invariant_a(history):\n    raise SystemExit(0)", "r.py:2: invariant_a: SystemExit: 0"),
        ("r.yaml", " \n", "r.yaml: no invariant in it"),
    ],
)
def test_broken_rules_are_named_by_line(shell: Shell, name: str, text: str, message: str) -> None:
    history = shell.folder / shell.write("history.jsonl", GOOD)
    assert message in problem(shell, str(history), shell.write(name, text))


def test_what_a_rule_prints_is_no_part_of_the_result(shell: Shell) -> None:
    text = "print('read')\n\ndef invariant_a(history):\n    print('asked')\n    return None\n"
    done = shell.run(shell.write("h.jsonl", GOOD), "--json", "--invariants", shell.write("r.py", text))
    assert json.loads(done.stdout)["verdict"] == "holds"
    assert {"read", "asked"} <= set(done.stderr.splitlines())


def test_more_steps_are_advised_only_where_they_help(shell: Shell) -> None:
    short = shell.run(shell.write("h.jsonl", GOOD), "--steps", "1")
    nothing = shell.run(
        shell.write("n.jsonl", GOOD.replace('"verify"', '"look"').replace('"create"', '"look"'))
    )
    assert (short.returncode, "--steps allow more" in short.stdout) == (3, True)
    assert (nothing.returncode, "--steps allow more" in nothing.stdout) == (3, False)
    assert "no challenge is created or verified" in nothing.stdout


def test_rules_are_python_as_any(shell: Shell) -> None:
    """They may import."""
    text = "import math\n\ndef invariant_pi(history):\n    return 'pi is small' if math.pi < 4 else None\n"
    report = shell.json(shell.write("h.jsonl", GOOD), "--invariants", shell.write("r.py", text), code=1)
    assert report["violations"] == [
        {"kind": "user", "challenge": None, "sentence": "pi is small", "name": "pi", "lines": []}
    ]


def test_a_replay_of_requests_alone_has_nothing_to_check(tmp_path: Path) -> None:
    """That is no pass: what a service with [session] must keep, only its sequences say."""
    (tmp_path / "history.jsonl").touch()
    with pytest.raises(UsageProblem, match="the history is empty"):
        check(str(tmp_path), tmp_path)
    (tmp_path / "results.json").write_text('{"kind": "replay", "verdict": "fails"}', encoding="utf-8")
    with pytest.raises(Inconclusive, match="its own verdict: fails"):
        check(str(tmp_path), tmp_path)

"""``--compare``: exact, on the same sessions, or from two runs; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devenv.cli import main
from devenv.core.model.errors import UsageProblem
from devenv.core.simulation.run import Effort
from devenv.verbs.simulate.clusters import Cell, play
from devenv.verbs.simulate.comparison import Compared, changes_of, compared


def of(sessions: int, base: dict[str, str], **changes: str) -> Compared:
    cells = tuple(Cell(texts, None, 1, Effort(sessions)) for texts in (base, {**base, **changes}))
    return compared((cells[0], cells[1]), (play(cells[0]), play(cells[1])))


def test_two_exact_shares_have_an_exact_difference() -> None:
    done = of(2000, {"pods": "4", "policy": "random", "think": "fixed:1s"}, **{"redis-pods": "2"})
    assert done.difference.value == pytest.approx(0.625 - 0.75)
    assert (done.difference.half_width, done.paired, done.differ) == (0, False, True)
    assert done.changes == {"redis-pods": "2"}


def test_the_same_sessions_tell_small_differences() -> None:
    base = {"pods": "3", "policy": "round-robin", "ttl": "20s"}
    done = of(50_000, base, ttl="21s")
    assert done.paired
    assert done.differ
    assert done.difference.value < 0
    alone = done.first.tally.share
    assert alone.holds(done.second.tally.share.value), "two runs alone would not tell them apart"


def test_where_the_engines_differ_two_runs_are_compared() -> None:
    done = of(5000, {"pods": "4", "policy": "round-robin"}, policy="lighttpd")
    assert (done.paired, done.differ) == (False, True)
    assert done.difference.value < -0.4


def test_a_change_without_effect_is_not_called_a_difference() -> None:
    done = of(5000, {"pods": "2", "policy": "round-robin"}, retries="1")
    assert not done.differ
    assert done.difference.high > 0


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["simulate", "--sessions", "5000", "--policy", "random", "--compare", "pods=3"]
    assert main([*words, "--json"]) == 0
    data: Any = json.loads(capsys.readouterr().out)
    assert (data["changes"], data["differ"]) == ({"pods": "3"}, True)
    assert main([*words, "--compare", "redis-pods=3", "--no-color"]) == 0
    assert "pods=3, redis-pods=3: -" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [(["pdos=2"], "'pdos=2'"), (["pods"], "'pods'"), (["pods=2", "pods=3"], "pods is given twice")],
)
def test_wrong_changes_are_named(words: list[str], named: str) -> None:
    with pytest.raises(UsageProblem, match=named):
        changes_of(words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--compare", "pods=2"), "already"),
        (("--compare", "pods=x"), "pods"),
        (("--compare", "pods=3", "--sweep", "ttl=1..2"), "--compare"),
        (("--compare", "pods=3", "--against-real"), "--compare"),
    ],
)
def test_usage_problems(
    words: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--sessions", "100", *words]) == 2
    assert named in capsys.readouterr().err

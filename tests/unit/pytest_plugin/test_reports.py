"""What a failing test says of an exploration."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.model.vocabulary import Strategy
from devenv.pytest_plugin.reports import exploration_report
from devenv.verbs.explore.result import Exploration, ExploredViolation, Mode

HOLDS = Exploration("R+R", Strategy.ATOMIC, str(Mode.LEARNED), True, 6, 0, (), 20, 0.4, 3)


def test_why_a_violation_was_not_confirmed_is_said() -> None:
    lost = ExploredViolation(
        "half-done", "half of it", ("R", "P"), "", (), 4, confirmed=False, replayed=0, replays=0,
        why="pods in containers cannot be restarted",
    )  # fmt: skip
    report = exploration_report(replace(HOLDS, violations=(lost,)))
    assert "NOT confirmed on real pods: pods in containers cannot be restarted" in report


def test_the_command_has_the_mode() -> None:
    assert exploration_report(HOLDS).endswith("Reproduce with: devenv explore R+R --strategy atomic")
    direct = exploration_report(replace(HOLDS, mode=str(Mode.DIRECT)))
    assert direct.endswith("Reproduce with: devenv explore R+R --strategy atomic --mode direct")

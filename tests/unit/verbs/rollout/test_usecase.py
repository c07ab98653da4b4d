"""A rollout whose stack has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devenv.verbs.rollout.controller import as_controller
from devenv.verbs.rollout.journal import Phase, RolloutJournal, RolloutState
from devenv.verbs.rollout.usecase import close

STATE = RolloutState(plan="text", name="plan.yaml", token="secret")


@pytest.mark.parametrize(
    ("phase", "after"),
    [(Phase.GATING, Phase.ABORTED), (Phase.DONE, Phase.DONE), (Phase.STOPPED, Phase.ABORTED)],
)
def test_it_is_over_with_its_stack(tmp_path: Path, phase: Phase, after: Phase) -> None:
    journal = RolloutJournal(tmp_path)
    journal.create(replace(STATE, phase=phase))
    close(tmp_path)
    assert journal.present().phase is after
    journal.create(STATE)


def test_one_that_another_process_runs_is_left_alone(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    journal.create(as_controller(replace(STATE, phase=Phase.GATING)))
    close(tmp_path)
    assert journal.present().phase is Phase.GATING


def test_nothing_to_close_is_no_error(tmp_path: Path) -> None:
    close(tmp_path)

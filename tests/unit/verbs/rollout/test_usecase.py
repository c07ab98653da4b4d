"""A rollout whose stack has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.rollout.controller import as_controller
from devenv.verbs.rollout.journal import Phase, RolloutJournal, RolloutState
from devenv.verbs.rollout.plans import load_plan, shipped_plans
from devenv.verbs.rollout.usecase import close, open_rollout, plan_of, resumable, spec_for

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


def test_the_rate_of_the_command_line_is_that_of_the_rollout() -> None:
    text = shipped_plans()["guide"]
    state = replace(STATE, plan=text)
    assert plan_of(state).traffic.rate != 39
    assert plan_of(replace(state, rate=39.0)).traffic.rate == 39


def test_a_rollout_whose_own_stack_has_ended_is_over_and_another_can_begin(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    journal.create(replace(STATE, phase=Phase.GATING, fresh=True))
    with pytest.raises(UsageProblem, match="has ended with its controller"):
        resumable(journal)
    journal.create(STATE)
    assert open_rollout(journal) == resumable(journal)


def test_one_that_a_process_runs_is_not_resumed(tmp_path: Path) -> None:
    journal = RolloutJournal(tmp_path)
    journal.create(as_controller(replace(STATE, phase=Phase.GATING, fresh=True)))
    with pytest.raises(UsageProblem, match="runs this rollout"):
        resumable(journal)


def test_cohorts_need_the_proxy_and_other_plans_run_behind_a_balancer() -> None:
    cohort, births = load_plan("cohort")[0], load_plan("births")[0]
    assert spec_for(cohort, 1).balancer == ""
    assert spec_for(births, 1, "nginx:random").balancer == "nginx:random"
    with pytest.raises(
        UsageProblem, match="the plan cohort needs the proxy's policy cohort, and nginx:random"
    ):
        spec_for(cohort, 1, "nginx:random")

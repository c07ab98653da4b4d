"""What the shipped plans lose, step by step."""

from __future__ import annotations

from importlib.resources import files

import pytest

from devenv.core.rollout.outlook import StepOutlook, detected, outlook
from devenv.core.rollout.plan import GateRule, parse_plan


def steps(name: str) -> tuple[StepOutlook, ...]:
    text = files("devenv").joinpath("rollouts", f"{name}.yaml").read_text(encoding="utf-8")
    return outlook(parse_plan(text, name))


@pytest.mark.parametrize(
    ("name", "losses"),
    [
        ("guide", [0.75, 0.75, 0.625, 0]),
        ("births", [0.75, 0.5625, 0.375, 0, 0]),
        ("six-stages", [0.75, 0.75, 0, 0, 0]),
        ("cohort", [0.5, 0.25, 0, 0]),
    ],
)
def test_the_loss_of_each_step(name: str, losses: list[float]) -> None:
    assert [step.loss for step in steps(name)] == pytest.approx(losses)


def test_going_back_costs_nothing_with_births_by_stage() -> None:
    """Apart from the first step, which restarts pods with sessions in their memory."""
    assert [step.abort for step in steps("births")[1:]] == [0, 0, 0, 0]
    assert steps("guide")[3].abort == pytest.approx(1.0)
    assert steps("six-stages")[2].abort == pytest.approx(1.5)


def test_a_drained_pod_has_nothing_to_lose() -> None:
    assert steps("cohort")[3].change == 0


def test_a_gate_never_has_to_find_out_a_loss_of_all() -> None:
    assert detected(GateRule(None, 0.15, 0, 10), 0.95) == pytest.approx(0.975)
    assert detected(GateRule(0, 0.03, 0, 10), 0) == 0.03


def test_json_has_every_figure_of_a_step() -> None:
    shown = steps("guide")[1].to_json()
    assert shown["predicted_loss"] == 0.75
    assert shown["losing_pairs"] == [
        {"born": "off", "used": "off", "found_by": "the same pod"},
        {"born": "off", "used": "on", "found_by": "no pod"},
        {"born": "on", "used": "off", "found_by": "no pod"},
    ]

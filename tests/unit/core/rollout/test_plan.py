"""Plan files: what is read, and what is refused with its line."""

from __future__ import annotations

from importlib.resources import files

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.plan import Plan, parse_plan

PLAN = """\
version: 1
id: mine
title: A plan
strategy: births
pods: 3
ttl: 5
slack: 2
start: off
steps:
  - name: ready
    stages: ready
    dwell: ttl
  - name: canary
    stages: { c: births }
    change: runtime
    gate: { max-loss: 0.5, margin: 0.1 }
"""


def plan(text: str = PLAN) -> Plan:
    return parse_plan(text, "plan.yaml")


def refusal(before: str, after: str) -> str:
    assert before in PLAN
    with pytest.raises(UsageProblem) as caught:
        plan(PLAN.replace(before, after))
    return caught.value.message


def test_a_plan_is_read() -> None:
    ready, canary = plan().steps
    assert {stage.name for stage in plan().start.values()} == {"off"}
    assert (ready.dwell, ready.by_restart, ready.changed) == (7, True, plan().pods)
    assert (canary.changed, canary.by_restart) == (("captcha-api-c",), False)
    assert [stage.name for stage in canary.stages.values()] == ["ready", "ready", "births"]
    assert (canary.gate.max_loss, canary.gate.margin, ready.gate.max_loss) == (0.5, 0.1, None)


def test_cohorts_are_the_stages() -> None:
    text = PLAN.replace("slack: 2", "policy: cohort")
    made = plan(text)
    step = made.steps[1]
    expected = "cohort:captcha-api-a=ready,captcha-api-b=ready,captcha-api-c=births"
    assert made.policy_at(step.stages, None) == expected
    assert made.policy_at(step.stages, "births") == expected + ",new=births"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("stages: ready", "stages: shadow", "plan.yaml:11: steps[1].stages: births has no stage 'shadow'"),
        ("{ c: births }", "{ z: births }", "plan.yaml:14: steps[2].stages: no pod is called 'z'"),
        ("dwell: ttl", "dwell: soon", "plan.yaml:12: steps[1].dwell: 'soon' is no time"),
        ("dwell: ttl", "wait: 3", "plan.yaml:12: steps[1]: unknown key 'wait'"),
        ("strategy: births", "strategy: hope", 'plan.yaml:4: strategy: "hope" is not one of'),
        ("strategy: births", "strategy: flag", "flag has no stage 'ready'; it has off, on"),
        ("pods: 3", "pods: 99", "plan.yaml:5: pods: 99 is above 26"),
        ("start: off", "start: { a: off }", "captcha-api-b, captcha-api-c has no stage at the start"),
        ("slack: 2", "store: guide", "plan.yaml:7: store: the strategy births needs the store atomic"),
        ("change: runtime", "births: off", "no pod is at the stage 'off'"),
        ("max-loss: 0.5", "max-loss: 1", "plan.yaml:16"),
        ("stages: { c: births }", "restart: all", "plan.yaml:15"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(before: str, after: str, said: str) -> None:
    assert said in refusal(before, after)


def test_the_shipped_plans_are_named_as_their_files() -> None:
    shipped = [item for item in files("devenv").joinpath("rollouts").iterdir() if item.name.endswith(".yaml")]
    assert len(shipped) == 4
    for item in shipped:
        assert f"{parse_plan(item.read_text(encoding='utf-8'), item.name).id}.yaml" == item.name

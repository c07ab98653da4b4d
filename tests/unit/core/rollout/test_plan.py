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


def test_pods_are_added_and_removed() -> None:
    text = PLAN + "  - name: other\n    add: { e: births, D: ready }\n    remove: [a]\n    restart: [b]\n"
    made = plan(text + "  - name: after\n    stages: births\n")
    step, after = made.steps[2:]
    assert (step.added, step.removed) == (("captcha-api-d", "captcha-api-e"), ("captcha-api-a",))
    assert step.changed == ("captcha-api-b",)
    assert [f"{pod[-1]} {stage.name}" for pod, stage in step.stages.items()] == [
        "b ready", "c births", "d ready", "e births"
    ]  # fmt: skip
    assert after.changed == ("captcha-api-b", "captcha-api-d")
    assert [pod[-1] for pod in made.pods] == ["a", "b", "c"]


def test_cohorts_are_the_stages() -> None:
    text = PLAN.replace("slack: 2", "policy: cohort")
    made = plan(text)
    step = made.steps[1]
    expected = "cohort:captcha-api-a=ready,captcha-api-b=ready,captcha-api-c=births"
    assert made.policy_at(step.stages, None) == expected
    assert made.policy_at(step.stages, "births") == expected + ",new=births"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
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
        (
            "    stages: ready\n",
            "    add: { c: ready }\n",
            "plan.yaml:11: steps[1].add: 'c' is there already",
        ),
        (
            "    stages: ready\n",
            "    add: { zz: off }\n",
            "plan.yaml:11: steps[1].add: 'zz' is no name of a pod",
        ),
        (
            "    stages: ready\n",
            "    add: { d: on }\n",
            "plan.yaml:11: steps[1].add.d: births has no stage 'on'",
        ),
        (
            "    stages: ready\n",
            "    remove: [d]\n",
            "plan.yaml:11: steps[1].remove[1]: no pod is called 'd'",
        ),
        ("    stages: ready\n", "    remove: [a, b, c]\n", "plan.yaml:11: steps[1].remove: no pod is left"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(before: str, after: str, sentence: str) -> None:
    assert sentence in refusal(before, after)


def test_the_shipped_plans_are_named_as_their_files() -> None:
    shipped = [item for item in files("devenv").joinpath("rollouts").iterdir() if item.name.endswith(".yaml")]
    assert len(shipped) == 6
    for item in shipped:
        assert f"{parse_plan(item.read_text(encoding='utf-8'), item.name).id}.yaml" == item.name

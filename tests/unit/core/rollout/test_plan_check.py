"""Unsafe plans are refused with line and reason; the shipped ones are safe, or say what they accept."""

from __future__ import annotations

from importlib.resources import files

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.plan import parse_plan
from devenv.core.rollout.plan_check import check_plan

HEAD = "version: 1\nid: mine\ntitle: A plan\npods: 3\nttl: 5\nslack: 1\n"
SHIPPED = {
    item.name: item.read_text(encoding="utf-8")
    for item in files("devenv").joinpath("rollouts").iterdir()
    if item.name.endswith(".yaml")
}


def refusal(strategy: str, start: str, *steps: str, more: str = "") -> str | None:
    text = HEAD + f"strategy: {strategy}\n{more}start: {start}\nsteps:\n"
    text += "".join(f"  - {{ name: s{number}, {step} }}\n" for number, step in enumerate(steps, start=1))
    try:
        check_plan(parse_plan(text, "plan.yaml"))
    except UsageProblem as problem:
        return problem.message
    return None


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_plans_pass(name: str) -> None:
    check_plan(parse_plan(SHIPPED[name], name))


def test_the_guide_passes_only_because_it_says_what_it_accepts() -> None:
    text = SHIPPED["guide.yaml"].replace("allow-loss: true", "allow-loss: false")
    line = text.splitlines().index("    stages: { d: on }") + 1
    with pytest.raises(UsageProblem) as caught:
        check_plan(parse_plan(text, "guide.yaml"))
    assert caught.value.message.startswith(
        f"guide.yaml:{line}: steps[2].stages: step 'canary, one pod of four'"
    )


def test_a_pod_that_writes_what_another_cannot_read_is_refused() -> None:
    message = refusal("births", "off", "stages: {a: births}")
    assert message is not None
    assert message.startswith(
        "plan.yaml:10: steps[1].stages: step 's1': a pod at births writes sessions that a pod"
    )
    assert refusal("births", "off", "stages: ready", "stages: {a: births}") is None


def test_pods_that_change_one_after_the_other_meet_each_other_too() -> None:
    assert refusal("births", "off", "stages: births") is not None
    assert refusal("flag", "off", "stages: on") is not None


def test_a_step_that_skips_the_dwell_is_refused() -> None:
    steps = ("stages: ready", "stages: births, dwell: 5", "stages: complete")
    message = refusal("births", "off", *steps)
    assert message is not None
    assert message.startswith(
        "plan.yaml:12: steps[3].stages: step 's3': a session born at ready is found by no pod"
    )
    assert "open for 6 s (TTL 5 s and 1 s of slack): the plan waits 5 s" in message
    assert refusal("births", "off", *steps[:1], "stages: births, dwell: ttl", steps[2]) is None


def test_dwells_of_several_steps_add_up() -> None:
    waits = ("stages: ready", "stages: births, dwell: 3", "dwell: 3", "stages: complete")
    assert refusal("births", "off", *waits) is None


def test_a_canary_that_still_makes_the_old_sessions_restarts_the_wait() -> None:
    steps = ("stages: ready", "stages: {a: births}, dwell: ttl", "stages: {a: complete}")
    assert refusal("births", "off", *steps) is not None


def test_six_stages_may_not_read_redis_before_all_sessions_are_there() -> None:
    assert refusal("six-stages", "off", "stages: dual-write", "stages: live") is not None
    assert refusal("six-stages", "off", "stages: dual-write, dwell: ttl", "stages: live") is None
    assert (
        refusal("six-stages", "off", "stages: {a: dual-write}, dwell: ttl", "stages: {a: live}") is not None
    )


def test_back_to_memory_needs_a_dwell_too() -> None:
    assert refusal("births", "births", "stages: ready", "stages: off") is not None
    assert refusal("births", "births", "stages: ready, dwell: ttl", "stages: off") is None


def test_cohorts_may_differ_but_the_last_old_pod_must_be_drained() -> None:
    cohort = "policy: cohort\n"
    drain = ("stages: {a: on}", "births: on, dwell: ttl", "stages: on")
    assert refusal("flag", "off", *drain, more=cohort) is None
    assert refusal("flag", "off", drain[0], drain[2], more=cohort) is not None
    assert refusal("flag", "off", drain[0], "dwell: ttl", drain[2], more=cohort) is not None


def test_a_loss_that_is_accepted_is_no_objection() -> None:
    assert refusal("flag", "off", "stages: {a: on}, allow-loss: true") is None


def test_an_added_pod_that_others_cannot_read_is_refused() -> None:
    message = refusal("flag", "off", "add: {d: on}")
    assert message is not None
    assert message.startswith(
        "plan.yaml:10: steps[1].add: step 's1': a pod at on writes sessions that a pod at off"
    )
    assert refusal("births", "ready", "add: {d: births}") is None
    assert refusal("flag", "off", "add: {d: off}") is None


def test_a_pod_is_removed_only_when_its_sessions_have_ended() -> None:
    cohort = "policy: cohort\n"
    drained = ("add: {d: on}, births: on, dwell: ttl", "remove: [a, b, c]")
    assert refusal("flag", "off", *drained, more=cohort) is None
    for first, waits in (("add: {d: on}, births: on, dwell: 5", 5), ("add: {d: on}, dwell: ttl", 0)):
        message = refusal("flag", "off", first, drained[1], more=cohort)
        assert message is not None
        assert message.startswith("plan.yaml:12: steps[2].remove: step 's2': captcha-api-a is removed")
        assert f"the plan waits {waits} s" in message
    assert refusal("flag", "on", "remove: [c]") is None
    assert refusal("flag", "off", "remove: [c]") is not None
    assert refusal("births", "births", "remove: [c]") is None


def test_a_pod_that_made_old_sessions_before_its_last_change_waits_too() -> None:
    steps = ("stages: births, dwell: 2", "remove: [c]")
    assert "waits 2 s" in str(refusal("births", "ready", *steps))
    assert refusal("births", "ready", "stages: births, dwell: ttl", steps[1]) is None

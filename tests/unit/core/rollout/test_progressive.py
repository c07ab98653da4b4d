"""Plans for Argo Rollouts, Flagger and flagd."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import promql_parser
import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.plan import Plan, parse_plan
from devenv.core.rollout.progressive import ANALYSIS, Target, argo, flagd, flagger, not_found_query, weights


def plan(name: str = "births") -> Plan:
    text = files("devenv").joinpath("rollouts", f"{name}.yaml").read_text(encoding="utf-8")
    return parse_plan(text, name)


@pytest.mark.parametrize(
    ("name", "percents"),
    [("births", [25, 50, 100]), ("guide", [25, 50, 100]), ("cohort", [25, 50, 100]), ("six-stages", [100])],
)
def test_the_weights_are_the_shares_of_pods_that_write_to_redis(name: str, percents: list[int]) -> None:
    assert [weight.percent for weight in weights(plan(name))] == percents


def test_argo_has_a_step_an_analysis_and_its_limit_for_each_weight() -> None:
    template, rollout = argo(plan(), Target())
    steps: list[dict[str, Any]] = rollout["spec"]["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [25, 50, 100]
    limits = [step["analysis"]["args"][0]["value"] for step in steps if "analysis" in step]
    assert limits == ["0.7125", "0.525", "0.03"]
    assert {step["analysis"]["templates"][0]["templateName"] for step in steps if "analysis" in step} == {
        ANALYSIS
    }
    assert template["spec"]["args"] == [{"name": "max-not-found"}]


def test_no_verify_is_no_success_to_argo() -> None:
    """NaN compares as false with anything, so neither condition holds: inconclusive, and none is allowed."""
    [metric] = argo(plan(), Target())[0]["spec"]["metrics"]
    assert "<= {{args" in metric["successCondition"]
    assert "> {{args" in metric["failureCondition"]
    assert "isNaN" not in metric["successCondition"]
    assert (metric["failureLimit"], metric["inconclusiveLimit"]) == (0, 0)


def test_flagger_takes_the_widest_limit_and_the_same_query() -> None:
    template, canary = flagger(plan(), Target(name="mine", port=80))
    analysis = canary["spec"]["analysis"]
    assert analysis["stepWeights"] == [25, 50, 100]
    assert analysis["metrics"][0]["thresholdRange"] == {"max": 0.7125}
    assert analysis["metrics"][0]["templateRef"]["name"] == template["metadata"]["name"]
    assert template["spec"]["query"] == not_found_query("mine", "{{ interval }}")
    assert canary["spec"]["service"] == {"port": 80}


def test_the_query_is_promql() -> None:
    promql_parser.parse(not_found_query("captcha-api", "1m"))


def test_flagd_has_the_flag_on_for_the_first_share() -> None:
    flag = flagd(plan())["flags"]["use-redis"]
    assert flag["targeting"]["fractional"][1:] == [["on", 25], ["off", 75]]
    assert flag["defaultVariant"] == "off"


def test_a_plan_that_adds_pods_is_refused_with_its_line() -> None:
    with pytest.raises(UsageProblem, match=r"added-canary:16: .* adds or removes pods"):
        weights(plan("added-canary"))

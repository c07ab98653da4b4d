"""A plan for the tools that roll out on Kubernetes: Argo Rollouts, Flagger, and a flag file for flagd.

The gate is the same in all: the share of verifies that are told "Challenge not found", of the pods of the
rollout alone. No verify in the interval is no success: Argo calls it inconclusive, Flagger waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.rollout.outlook import StepOutlook, detected, outlook
from devenv.core.rollout.plan import Plan
from devenv.core.rollout.stages import Place
from devenv.core.telemetry.alarms import VERIFIED

ANALYSIS = "challenge-not-found"
_ARGUMENT = "max-not-found"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the plan is to run."""

    name: str = "captcha-api"
    """Of the Deployment and its Service."""
    port: int = 8000
    prometheus: str = "http://prometheus.monitoring:9090"


@dataclass(frozen=True, slots=True)
class Weight:
    """One step of a canary: how many of 100 pods are changed, how long to wait, and the limit of the gate."""

    percent: int
    seconds: float
    limit: float


def weights(plan: Plan) -> tuple[Weight, ...]:
    """The plan's steps at which new sessions go to Redis on more pods than before.

    A canary changes pods, from the old settings to the new ones: the steps before the first birth in Redis
    are a rollout of their own, as they have other settings. Raises UsageProblem, with the line, for a step
    that adds or removes pods.
    """
    if moved := [step for step in plan.steps if step.added or step.removed]:
        raise plan.document.problem(
            moved[0].path,
            f"the step {moved[0].name!r} adds or removes pods: these tools bring and end pods themselves",
            hint="export a plan whose pods stay, such as births",
        )
    steps: list[Weight] = []
    for step in outlook(plan):
        percent = round(100 * _share(step))
        if percent > (steps[-1].percent if steps else 0):
            steps.append(Weight(percent, step.step.dwell or plan.lifetime, _limit(step)))
    return tuple(steps)


def _share(step: StepOutlook) -> float:
    stages = step.step.stages.values()
    return sum(stage.born[0] is Place.REDIS for stage in stages) / len(stages)


def _limit(step: StepOutlook) -> float:
    return round(detected(step.step.gate, step.limit), 4)


def not_found_query(job: str, window: str) -> str:
    """The share of the verifies of the pods that Prometheus knows as ``job`` in a time ``window``.

    A counter has no series before its first event: without ``or vector(0)`` the best share would be no share.
    """
    verified = "|".join(VERIFIED)
    lost = (
        f'(sum(increase(captcha_requests_total{{job="{job}",outcome="not_found"}}[{window}])) or vector(0))'
    )
    return f'{lost} / sum(increase(captcha_requests_total{{job="{job}",outcome=~"{verified}"}}[{window}]))'


def argo(plan: Plan, target: Target) -> tuple[dict[str, Any], ...]:
    """An AnalysisTemplate, and a Rollout over the Deployment that exists (``workloadRef``)."""
    steps: list[dict[str, Any]] = []
    for weight in weights(plan):
        argument = {"name": _ARGUMENT, "value": f"{weight.limit:g}"}
        steps += [
            {"setWeight": weight.percent},
            {"pause": {"duration": f"{weight.seconds:.0f}s"}},
            {"analysis": {"templates": [{"templateName": ANALYSIS}], "args": [argument]}},
        ]
    metric = {
        "name": ANALYSIS,
        "interval": "30s",
        "count": 4,
        "failureLimit": 0,
        "inconclusiveLimit": 0,
        # NaN, which is what Prometheus gives without verifies, is neither: inconclusive, never a success.
        "successCondition": "len(result) > 0 && result[0] <= {{args.max-not-found}}",
        "failureCondition": "len(result) > 0 && result[0] > {{args.max-not-found}}",
        "provider": {
            "prometheus": {"address": target.prometheus, "query": not_found_query(target.name, "1m")}
        },
    }
    template = _object(
        "argoproj.io/v1alpha1",
        "AnalysisTemplate",
        ANALYSIS,
        {"args": [{"name": _ARGUMENT}], "metrics": [metric]},
    )
    rollout = _object(
        "argoproj.io/v1alpha1",
        "Rollout",
        target.name,
        {
            "replicas": len(plan.pods),
            "selector": {"matchLabels": {"app.kubernetes.io/name": target.name}},
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target.name},
            "strategy": {"canary": {"maxSurge": 0, "maxUnavailable": 1, "steps": steps}},
        },
    )
    return template, rollout


def flagger(plan: Plan, target: Target) -> tuple[dict[str, Any], ...]:
    """A MetricTemplate, and a Canary of the Deployment that exists; Flagger has one limit for all steps."""
    made = weights(plan)
    template = _object(
        "flagger.app/v1beta1",
        "MetricTemplate",
        ANALYSIS,
        {
            "provider": {"type": "prometheus", "address": target.prometheus},
            "query": not_found_query(target.name, "{{ interval }}"),
        },
    )
    canary = _object(
        "flagger.app/v1beta1",
        "Canary",
        target.name,
        {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target.name},
            "service": {"port": target.port},
            "analysis": {
                "interval": f"{max(30, plan.lifetime):.0f}s",
                "threshold": 1,
                "stepWeights": [weight.percent for weight in made],
                "metrics": [
                    {
                        "name": ANALYSIS,
                        "templateRef": {"name": ANALYSIS},
                        "thresholdRange": {"max": max((weight.limit for weight in made), default=0.0)},
                        "interval": "1m",
                    }
                ],
            },
        },
    )
    return template, canary


def flagd(plan: Plan) -> dict[str, Any]:
    """A flag file for flagd (OpenFeature): ``use-redis``, by pod name, for the plan's first share of pods.

    The later shares are changes of the two numbers. https://flagd.dev/reference/flag-definitions/
    """
    percent = next((weight.percent for weight in weights(plan)), 0)
    bucket = {"cat": [{"var": "$flagd.flagKey"}, {"var": "podName"}]}
    return {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            "use-redis": {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "defaultVariant": "off",
                "targeting": {"fractional": [bucket, ["on", percent], ["off", 100 - percent]]},
            }
        },
    }


def _object(version: str, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}

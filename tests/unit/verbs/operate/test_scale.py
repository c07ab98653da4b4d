"""``devenv scale``: what it asks of the stack."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.stack.environment import with_pods
from devenv.verbs.operate.scale import Scaled, scale
from tests.unit.verbs.rollout.stacks import PodChanges, silent

ENDS = Endpoints("http://t", "http://c", "http://m", "127.0.0.1", 1)


def shown(spec: StackSpec) -> StackStatus:
    pods = tuple(PodStatus(pod, "running", spec.settings_of(pod)) for pod in spec.pod_names)
    return StackStatus("embedded", spec, ENDS, pods, "redis", "7", "running")


def run(stack: PodChanges, *words: str, use_redis: bool | None = None, **more: object) -> Scaled:
    return scale(stack, words, use_redis=use_redis, progress=silent, clock=lambda: 0.0, **more)  # type: ignore[arg-type]


def test_an_added_canary_has_its_own_store() -> None:
    stack = PodChanges(StackSpec(), shown, with_pods)
    done = run(stack, "+1", use_redis=True, strategy=Strategy.GUIDE, policy="random")
    changes = {"captcha-api-c": {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}}
    assert stack.calls == [(("captcha-api-a", "captcha-api-b", "captcha-api-c"), changes, "random")]
    assert (done.added, done.removed) == ({"captcha-api-c": "guide"}, {})
    assert done.to_json()["after"] == ["captcha-api-a", "captcha-api-b", "captcha-api-c"]


def test_a_removed_pod_is_said_with_its_store() -> None:
    done = run(PodChanges(StackSpec(pods=3), shown, with_pods), "-a", "-1")
    assert (done.after, done.removed) == (
        ("captcha-api-b",),
        {"captcha-api-a": "memory", "captcha-api-c": "memory"},
    )


def test_nothing_to_do_is_done_without_the_stack() -> None:
    stack = PodChanges(StackSpec(), shown, with_pods)
    assert run(stack, "2").after == ("captcha-api-a", "captcha-api-b")
    assert stack.calls == []


def test_a_store_where_no_pod_is_added_is_refused() -> None:
    with pytest.raises(UsageProblem, match="no pod is added"):
        run(PodChanges(StackSpec(), shown, with_pods), "-1", use_redis=True)
    one_service = StackSpec(service=ServiceSpec("/srv", CAPTCHA, app="main:app", redis_on={}, redis_off={}))
    with pytest.raises(UsageProblem, match="no switch between memory and Redis"):
        run(PodChanges(one_service, shown, with_pods), "+1", use_redis=True)

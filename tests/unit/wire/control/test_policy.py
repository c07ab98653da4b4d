"""Who chooses the pod, set while the stack runs: what is refused before the stack is asked."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import Endpoints, StackSpec, StackStatus
from devenv.wire.control.policy import set_policy

NOWHERE = Endpoints("http://t", "http://127.0.0.1:1", "http://m", "127.0.0.1", 6379)
"""Whoever asks this stack gets another error."""


def status(backend: str, balancer: str) -> StackStatus:
    return StackStatus(backend, StackSpec(balancer=balancer), NOWHERE, (), "redis", "7", "running")


@pytest.mark.parametrize(
    ("balancer", "wished", "option"),
    [
        ("", "nginx:ip_hash", " --balancer nginx:ip_hash"),
        ("nginx:ip_hash", "haproxy", " --balancer haproxy:roundrobin"),
        ("nginx:ip_hash", "proxy:random", ""),
    ],
)
def test_compose_needs_other_containers(balancer: str, wished: str, option: str) -> None:
    with pytest.raises(UsageProblem, match="another balancer needs other containers") as refused:
        set_policy(status("compose", balancer), wished)
    assert str(refused.value.hint).endswith(f"devenv up --backend compose{option}")


@pytest.mark.parametrize(
    ("balancer", "wished", "why"),
    [
        ("", "nginx:x", "unknown policy 'x'"),
        ("", "proxy:x", "unknown policy 'x'"),
        ("nginx:ip_hash", "proxy:x", "unknown policy 'x'"),
        ("nginx:ip_hash", "random", "nginx chooses the pod here"),
    ],
)
def test_what_is_unknown_is_refused(balancer: str, wished: str, why: str) -> None:
    with pytest.raises(UsageProblem, match=why):
        set_policy(status("embedded", balancer), wished)

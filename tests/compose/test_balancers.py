"""Balancers in containers in front of the pods: they choose, and lose what they lose on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.harness.runs.journal import JournaledStack
from devenv.verbs.demo.patterns import not_as_expected, play_patterns
from devenv.verbs.operate.select import fresh_stack
from devenv.wire.control.policy import set_policy

pytestmark = pytest.mark.docker
IN_TURN = {"new": 1.0, "new+image": 0.0, "kept": 1.0, "kept+image": 0.0}


@pytest.fixture(params=["nginx:round_robin", "haproxy:roundrobin"])
def stack(request: pytest.FixtureRequest, tmp_path: Path, engine: None) -> Iterator[JournaledStack]:
    spec = StackSpec(balancer=request.param)
    with fresh_stack("compose", tmp_path, spec, lambda line: None) as stack:
        yield stack


def test_it_loses_what_its_formula_says(stack: JournaledStack) -> None:
    status = stack.status()
    assert status.balancer is not None
    assert (status.balancer.state, status.balancer.setting) == ("running", status.spec.balancer)
    assert status.balancer.version.count(".") == 2
    results = play_patterns(status, seed=1)
    assert not_as_expected(results, use_redis=False) == []
    lost = {result.name: result.lost / result.sessions for result in results}
    assert 0.1 < lost.pop("users") < 0.9
    assert lost == IN_TURN
    with pytest.raises(UsageProblem, match="chooses the pod, not the proxy"):
        set_policy(status, status.spec.balancer.partition(":")[0])

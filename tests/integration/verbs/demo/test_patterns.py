"""The sessions that each balancer loses in front of the captcha service, as the demo shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.balance.exact import ExactShare
from devenv.core.balance.measured import PatternResult
from devenv.core.balance.patterns import pattern_of
from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.balancers import WHEEL, override_of
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.demo.patterns import PATTERNS, SESSIONS, not_as_expected, play_patterns
from devenv.verbs.operate.select import SUPERVISOR
from tests.integration.stack.balancers.test_process import program_of

pytestmark = pytest.mark.usefixtures("own_warm_process")


@pytest.mark.parametrize("setting", ["haproxy:cookie", "envoy:tcp_proxy"])
def test_shares_of_pod_memory(setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = setting.partition(":")[0]
    program_of(product)
    monkeypatch.setenv(override_of(product), WHEEL)
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    status = stack.start(StackSpec(ports=Ports.free(), balancer=setting), lambda line: None)
    try:
        results = play_patterns(status, seed=1)
    finally:
        stack.stop()
    assert not_as_expected(results, use_redis=False) == []
    assert [result.sessions for result in results] == [SESSIONS] * len(PATTERNS)
    lost = {result.name: result.lost / SESSIONS for result in results}
    users = lost.pop("users")
    if setting == "haproxy:cookie":
        assert set(lost.values()) == {0.0}
        assert users == 0.0
    else:  # it chooses a pod for each connection
        assert lost == {"new": 1.0, "new+image": 0.0, "kept": 0.0, "kept+image": 0.0}


def result(lost: int, exact: float | None, name: str = "new", failed: int = 0) -> PatternResult:
    share = None if exact is None else ExactShare(exact, "a formula")
    return PatternResult(pattern_of(name), 40, lost, failed=failed, exact=share)


def test_what_is_not_as_expected() -> None:
    fine = [result(40, 1.0), result(25, 0.5), result(7, None), result(22, 0.5, "users")]
    assert not_as_expected(fine, use_redis=False) == []
    assert not_as_expected([result(39, 1.0)], use_redis=False) == [
        "new: 39 of 40 sessions lost, expected 100% (a formula)"
    ]
    assert not_as_expected([result(40, 0.5)], use_redis=False)
    assert not_as_expected([result(1, 1.0)], use_redis=True) == ["new: 1 of 40 sessions lost, with Redis"]
    assert not_as_expected([result(0, 1.0)], use_redis=True) == []
    assert not_as_expected([result(0, 0.0, failed=2)], use_redis=True) == [
        "new: 2 sessions were not answered"
    ]

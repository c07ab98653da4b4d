from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.wire.proxy import Upstream

A, B = "captcha-api-a", "captcha-api-b"


def test_a_pod_that_goes_down_and_up_changes_the_choice(bench: Any) -> None:
    pod = bench.pod(A)
    connection = bench.idle(A)
    bench.pods.mark_down(pod, "connection refused")
    assert (pod.up, pod.last_error, bench.balancer.alive) == (False, "connection refused", (B,))
    assert connection.transport.calls[-1] == "abort" and pod.idle == []
    bench.pods.mark_up(pod)
    assert (pod.up, bench.balancer.alive) == (True, (A, B))


def test_the_same_pod_stays_and_one_elsewhere_is_another(bench: Any) -> None:
    first, second = bench.pod(A), bench.pod(B)
    kept, dropped = bench.idle(A), bench.idle(B)
    bench.pods.mark_down(first, "x")
    kept = bench.idle(A)
    bench.pods.set_upstreams([Upstream(A, "host-a", 1), Upstream(B, "host-b", 99)])
    assert bench.pod(A) is first and first.idle == [kept]
    assert bench.pod(B) is not second and second.retired
    assert dropped.transport.calls[-1] == "abort"
    assert bench.balancer.alive == (B,), "what is known of a pod that stays is kept"


def test_two_pods_of_one_name_are_refused(bench: Any) -> None:
    with pytest.raises(UsageProblem, match="two pods have the same name"):
        bench.pods.set_upstreams([Upstream(A, "h", 1), Upstream(A, "h", 2)])
    assert set(bench.pods.by_name) == {A, B}

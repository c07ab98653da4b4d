"""When a proxy's container that has restarted is told of its pods again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from devenv.stack.compose.pod_table import PodTable, is_forgotten
from tests.support import free_port

A, B, C = "captcha-api-a", "captcha-api-b", "captcha-api-c"
EARLIER, MIDDLE, LATER = (f"2026-11-30T21:00:0{second}.123456789Z" for second in range(3))


def container(started: str, *variables: str) -> Any:
    return SimpleNamespace(attrs={"State": {"StartedAt": started}, "Config": {"Env": list(variables)}})


@pytest.mark.parametrize(
    ("proxy_started", "pods", "forgotten"),
    [
        (LATER, {A: MIDDLE, B: MIDDLE}, False),
        (EARLIER, {A: MIDDLE, B: MIDDLE, C: LATER}, False),
        (LATER, {A: EARLIER, B: EARLIER, C: MIDDLE}, True),
        (MIDDLE, {A: EARLIER, B: EARLIER, C: LATER}, True),
        (LATER, {A: EARLIER}, True),
        (EARLIER, {A: LATER}, False),
    ],
)
def test_others_than_it_was_made_with_and_older_than_its_start(
    proxy_started: str, pods: dict[str, str], forgotten: bool
) -> None:
    proxy = container(proxy_started, f"DEVENV_PODS={A}={A}:8000,{B}={B}:8000", "DEVENV_POLICY=random")
    assert is_forgotten(proxy, {pod: container(started) for pod, started in pods.items()}) is forgotten


def test_a_proxy_that_is_down_is_left_alone() -> None:
    PodTable(f"http://127.0.0.1:{free_port()}").restore([A, B])

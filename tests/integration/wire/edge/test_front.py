"""A stack behind nginx: nginx chooses, and everything is seen all the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import ExchangeOutcome
from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.balancers import WHEEL
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.wire.control.client import ControlClient
from devenv.wire.control.policy import present_policy, set_policy
from tests.integration.stack.balancers.test_process import program_of
from tests.support import all_gone, until

pytestmark = pytest.mark.usefixtures("own_warm_process")
A, B = "captcha-api-a", "captcha-api-b"
SETTING = "nginx:round_robin,max_fails=0"
ENDS_AT_ONCE = shutil.which("true") or ""


@pytest.fixture(scope="module")
def stack(own_warm_process: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """One for all tests; each leaves it with both pods and nginx up, and with this setting."""
    program_of("nginx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEVENV_NGINX", WHEEL)
        patch.setenv("DEVENV_CADDY", ENDS_AT_ONCE)
        stack = EmbeddedStack(tmp_path_factory.mktemp("front"), SUPERVISOR)
        stack.start(StackSpec(ports=Ports.free(), balancer=SETTING), lambda line: None)
        yield stack
        stack.stop()


def served(stack: EmbeddedStack, count: int, headers: dict[str, str] | None = None) -> str:
    """The letters of the pods that served ``count`` requests, each on a connection of its own."""
    letters = ""
    for _ in range(count):
        answer = httpx.get(f"{stack.endpoints().traffic}/ready", headers=headers, timeout=60)
        letters += answer.headers["X-Served-By"][-1]
    return letters


def last_exchange(stack: EmbeddedStack) -> dict[str, object]:
    with ControlClient(stack.endpoints().control) as control:
        latest = control.latest("exchanges")
        return dict(control.exchanges(latest - 1, 1)[0])


def test_nginx_chooses_and_the_exchange_says_so(stack: EmbeddedStack) -> None:
    assert served(stack, 4) in ("abab", "baba")
    assert last_exchange(stack)["policy"] == SETTING
    assert present_policy(stack.endpoints().control) == SETTING
    status = stack.status()
    assert status.spec.chooser == SETTING
    assert status.balancer is not None
    assert (status.balancer.state, status.balancer.setting) == ("running", SETTING)


def test_a_pin_goes_past_it_and_takes_no_turn(stack: EmbeddedStack) -> None:
    ends = stack.endpoints()
    assert ends.pinned == ends.proxy != ends.traffic
    first = served(stack, 1)
    for _ in range(3):
        httpx.get(f"{ends.pinned}/ready", headers={"X-Devenv-Pod": "b"}).raise_for_status()
        assert last_exchange(stack)["policy"] == f"pinned:{B}"
    assert served(stack, 1) != first


def test_a_pin_holds_also_through_it(stack: EmbeddedStack) -> None:
    assert served(stack, 3, {"X-Devenv-Pod": "b"}) == "bbb"
    assert last_exchange(stack)["policy"] == f"pinned:{B}"


def test_another_policy_while_it_runs(stack: EmbeddedStack) -> None:
    status = stack.status()
    assert set_policy(status, "nginx:ip_hash") == (SETTING, "nginx:ip_hash")
    assert len(set(served(stack, 4))) == 1
    with pytest.raises(UsageProblem, match="nginx chooses the pod here"):
        set_policy(status, "round-robin")
    with pytest.raises(UsageProblem, match="unknown policy 'x'"):
        set_policy(status, "nginx:x")
    set_policy(status, SETTING)
    assert served(stack, 4) in ("abab", "baba")


def test_pods_are_added_and_removed_behind_it(stack: EmbeddedStack) -> None:
    stack.set_pods(["a", "b", "c"], {}, None, lambda line: None)
    assert sorted(served(stack, 3)) == ["a", "b", "c"]
    assert last_exchange(stack)["policy"] == SETTING
    with pytest.raises(UsageProblem, match=r"nginx:.* chooses the pod"):
        stack.set_pods(["a", "b"], {}, "random", lambda line: None)
    stack.set_pods(["a", "b"], {}, None, lambda line: None)
    assert served(stack, 4) in ("abab", "baba")


def test_a_pod_that_is_down_refuses_nginx(stack: EmbeddedStack) -> None:
    """Past a port that refuses nginx goes to the other pod, with a POST too: no request is lost."""
    stack.restart_pods({A: {"REDIS_PREFIX": "other:"}}, lambda line: None)
    assert served(stack, 4) in ("abab", "baba")
    pid = next(pod.pid for pod in stack.status().pods if pod.name == A)
    assert pid is not None
    psutil.Process(pid).kill()
    until(lambda: next(pod for pod in stack.status().pods if pod.name == A).state == "stopped", "A ends")
    for _ in range(4):
        answer = httpx.post(f"{stack.endpoints().traffic}/api/abstract-captcha", timeout=60)
        assert (answer.status_code, answer.headers["X-Served-By"]) == (200, B)
    assert last_exchange(stack)["outcome"] == ExchangeOutcome.ANSWERED
    stack.restart_pods({A: {}}, lambda line: None)
    until(lambda: "a" in served(stack, 2), "A serves again")


def test_one_that_ends_by_itself_is_shown(stack: EmbeddedStack) -> None:
    balancer = stack.status().balancer
    assert balancer is not None
    assert balancer.pid is not None
    psutil.Process(balancer.pid).kill()
    until(lambda: (now := stack.status().balancer) is not None and now.state == "stopped", "nginx ends")
    until(lambda: (now := stack.status().balancer) is not None and now.problem, "how it ended is known")
    set_policy(stack.status(), SETTING)  # starts it again
    assert served(stack, 2) in ("ab", "ba")


def test_where_it_does_not_start_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is no nginx: its own words are shown, and the pods are ended."""
    fake = tmp_path / "nginx"
    fake.write_text("#!/bin/sh\necho 'nginx: [emerg] nothing works today in nginx.conf:7' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("DEVENV_NGINX", str(fake))
    stack = EmbeddedStack(tmp_path / "state", SUPERVISOR)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(EnvironmentProblem, match=r"nothing works today in nginx\.conf:7"):
        stack.start(StackSpec(pods=1, ports=Ports.free(), balancer="nginx:round_robin"), lambda line: None)
    assert all_gone(set(psutil.Process().children(recursive=True)) - before)


def test_another_balancer_or_none_while_it_runs(stack: EmbeddedStack) -> None:
    """nginx, then HAProxy, then the proxy, then nginx again, on the same port; pins go past each."""
    program_of("haproxy")
    ends, chosen = stack.endpoints(), []
    for text in ("haproxy:roundrobin", "proxy:round-robin", SETTING):
        set_policy(stack.status(), text)
        now = stack.status()
        assert served(stack, 4) in ("abab", "baba")
        chosen.append(last_exchange(stack)["policy"])
        assert now.endpoints.traffic == ends.traffic
        assert now.spec.chooser == chosen[-1] == present_policy(ends.control)
        httpx.get(f"{now.endpoints.pinned}/ready", headers={"X-Devenv-Pod": "b"}).raise_for_status()
        assert last_exchange(stack)["policy"] == f"pinned:{B}"
        shown = None if now.balancer is None else (now.balancer.setting, now.balancer.state)
        assert shown == (None if text.startswith("proxy") else (text, "running"))
    assert chosen == ["haproxy:roundrobin", "round-robin", SETTING]


def test_a_balancer_that_cannot_start_leaves_the_one_before(stack: EmbeddedStack) -> None:
    status = stack.status()
    with pytest.raises(UsageProblem, match="haproxy:own-file: this stack was started without"):
        set_policy(status, "haproxy:own-file")
    for chooser in (SETTING, "proxy"):
        before, after = set_policy(stack.status(), chooser)
        with pytest.raises(EnvironmentProblem, match=r"caddy .* ended at start"):
            set_policy(stack.status(), "caddy:round_robin")
        assert present_policy(status.endpoints.control) == after
        assert served(stack, 4) in ("abab", "baba")
    set_policy(stack.status(), before)

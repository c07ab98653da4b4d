"""The stack in containers, as a person runs it and as ``ComposeStack`` does, on a real engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
import redis
from docker import DockerClient

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import Ports, StackSpec, StackStatus
from devenv.harness.runs.journal import JournaledStack, MemoryJournal
from devenv.stack.compose import compose_file, docker_engine
from devenv.stack.compose.backend import ComposeStack
from devenv.stack.ports import Reservation
from tests.support import until

pytestmark = pytest.mark.docker
A, B, C = "captcha-api-a", "captcha-api-b", "captcha-api-c"
SPEC = StackSpec(ports=Ports.free())
NewProject = Callable[[], str]


IMAGES = {compose_file.IMAGES_VARIABLE: "devenv"}
"""All projects of these tests use the same images."""


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def left_of(engine: DockerClient, project: str) -> list[str]:
    """Containers, networks and volumes of a compose project."""
    label: dict[str, str | list[str] | bool] = {"label": f"{docker_engine.PROJECT_LABEL}={project}"}
    containers = engine.containers.list(all=True, filters=label, ignore_removed=True)
    networks, volumes = engine.networks.list(filters=label), engine.volumes.list(filters=label)
    return [str(thing.attrs["Name"]) for thing in (*containers, *networks, *volumes)]


@dataclass
class Plain:
    """``docker compose`` as a person types it in the clone, with free ports."""

    folder: Path
    project: str
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with Reservation(Ports.free()) as reservation:
            self.ports = reservation.ports
        unset = {"USE_REDIS", "SESSION_STRATEGY", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"}
        parent = {name: value for name, value in os.environ.items() if name not in unset}
        self.environ = {**parent, **compose_file.variables(StackSpec(), self.ports), **IMAGES, **self.environ}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; both outputs as text."""
        return subprocess.run(
            ["docker", "compose", "-p", self.project, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )

    @property
    def url(self) -> str:
        """Where the proxy is reached."""
        return f"http://127.0.0.1:{self.ports.traffic}"


def known_pods(status: StackStatus) -> list[str]:
    """The pods that the proxy knows; empty where it does not answer."""
    try:
        answer = httpx.get(f"{status.endpoints.control}/pods", trust_env=False).json()
    except httpx.TransportError:
        return []
    return sorted(pod["name"] for pod in answer["pods"])


def cross_pod_message(url: str) -> str | None:
    """Create a challenge on A, answer it wrongly on B: the message says whether B knows it."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        made = client.post("/api/abstract-captcha", headers={"X-Devenv-Pod": A})
        body = {"challenge_id": made.json()["challenge_id"], "selections": []}
        answer = client.post("/api/abstract-verify", json=body, headers={"X-Devenv-Pod": B})
    assert (made.headers["X-Served-By"], answer.headers["X-Served-By"]) == (A, B)
    message: str | None = answer.json().get("message")
    return message


@pytest.fixture(scope="module")
def project(engine: DockerClient, clone: Path) -> Iterator[Callable[[], str]]:
    """Makes names of compose projects of our own; whatever is left of them at the end is taken down."""
    names: list[str] = []

    def new() -> str:
        names.append(f"devenv-test-{uuid.uuid4().hex[:8]}")
        return names[-1]

    yield new
    for name in names:
        if left_of(engine, name):
            Plain(clone, name).run("down", "--volumes", "--remove-orphans", "--timeout", "1")


@pytest.fixture(scope="module")
def plain(clone: Path, project: NewProject) -> Plain:
    """A stack that ``docker compose up --wait`` brought up, beside a .env that names production."""
    env_file = clone / ".env"
    env_file.write_text(
        "REDIS_HOST=redis.production.example\nREDIS_PORT=6397\nREDIS_PASSWORD=secret\nREDIS_SSL=true\n"
        "ML_SERVICE_URL=https://ml.production.example\nASSET_BASE_URL=https://cdn.production.example\n"
        "REDIS_PREFIX=from-env:\n",
        encoding="utf-8",
    )
    stack = Plain(clone, project())
    done = stack.run("up", "--wait")
    env_file.unlink()
    assert done.returncode == 0, done.stdout
    return stack


@pytest.fixture
def attached(plain: Plain, tmp_path: Path) -> Iterator[ComposeStack]:
    """``ComposeStack`` on the stack that plain compose brought up; leaves both pods with the defaults."""
    stack = ComposeStack(plain.folder, tmp_path, project=plain.project)
    yield stack
    defaults = {
        "USE_REDIS": "false",
        "SESSION_STRATEGY": "atomic",
        "REDIS_PREFIX": "from-env:",
        "REDIS_TIMEOUT_MS": "2000",
    }
    now = {pod.name: pod for pod in stack.status().pods}
    wrong = {
        name: defaults
        for name, pod in now.items()
        if pod.state != "running" or any(pod.settings.get(key) != value for key, value in defaults.items())
    }
    if wrong:
        stack.restart_pods(wrong, quiet)


class TestPlainCompose:
    def test_the_file_is_clean(self, plain: Plain) -> None:
        done = plain.run("config", "--quiet")
        assert (done.returncode, done.stdout) == (0, "")

    def test_create_and_verify_alternate_between_the_pods(self, plain: Plain, attached: ComposeStack) -> None:
        served = [
            httpx.post(f"{plain.url}/api/abstract-captcha", trust_env=False).headers["X-Served-By"]
            for _ in range(6)
        ]
        assert served in ([A, B] * 3, [B, A] * 3)

    def test_the_bug_shows(self, plain: Plain, attached: ComposeStack) -> None:
        assert cross_pod_message(plain.url) == "Challenge not found"

    def test_the_page_says_what_it_cannot_do(self, plain: Plain, attached: ComposeStack) -> None:
        control = attached.status().endpoints.control
        with httpx.Client(base_url=control, trust_env=False) as client:
            page = client.get("/")
            assert page.headers["content-security-policy"].startswith("default-src 'none'")
            names = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
            assert "/static/icon.svg" in names
            assert {name: client.get(name).status_code for name in names} == dict.fromkeys(names, 200)
            overview = client.get("/dashboard/overview").json()
            assert overview["stores"] == {A: "memory", B: "memory"}
            assert (overview["restarts"], overview["redis_state"]) == (False, "running")
            assert overview["events"] == []
            stack = JournaledStack(attached, MemoryJournal())
            stack.note("redis", action="pause")  # as a command outside does
            [event] = client.get("/dashboard/overview").json()["events"]
            assert event["detail"] == {"action": "pause"}
            refused = client.post("/dashboard/pods", json={"use_redis": True})
            assert refused.status_code == 400
            assert refused.json()["hint"] == "in a terminal: devenv toggle on --backend compose"
            sent = {"path": "/api/abstract-captcha", "request_id": "page-create-1"}
            place = client.post("/dashboard/send", json=sent).json()["after"]
            [made] = client.get("/dashboard/sent", params={"after": place, "wait": 30}).json()["sent"]
            assert made["body"]["challenge_id"]
            # Other tests lose sessions on this stack: the page's own is none of them.
            findings = client.get("/dashboard/explain").json()["findings"]
            lost = {challenge for finding in findings for challenge in finding["challenges"]}
            assert made["body"]["challenge_id"] not in lost

    def test_nothing_runs_as_root(self, engine: DockerClient, plain: Plain) -> None:
        containers = docker_engine.containers(engine, plain.project)
        assert set(containers) == {"redis", "mock-ml", A, B, "proxy"}
        for service, container in containers.items():
            user = container.exec_run(["id", "-u"]).output
            assert isinstance(user, bytes)
            assert int(user) > 0, service

    def test_the_limits_hold_in_the_running_containers(self, engine: DockerClient, plain: Plain) -> None:
        for service, container in docker_engine.containers(engine, plain.project).items():
            host = container.attrs["HostConfig"]
            assert (host["PidsLimit"], host["Memory"]) == (512, 2 << 30), service
            assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False), (
                service
            )
            assert "no-new-privileges:true" in host["SecurityOpt"], service
            assert container.exec_run(["touch", "/written"]).exit_code != 0, service

    def test_every_port_is_bound_to_loopback_only(self, engine: DockerClient, plain: Plain) -> None:
        bound = [
            binding["HostIp"]
            for container in docker_engine.containers(engine, plain.project).values()
            for bindings in container.attrs["NetworkSettings"]["Ports"].values()
            for binding in bindings or ()
        ]
        assert bound == ["127.0.0.1"] * 4

    def test_an_env_file_that_names_production_is_not_obeyed(
        self, engine: DockerClient, plain: Plain
    ) -> None:
        containers = docker_engine.containers(engine, plain.project)
        for pod in (A, B):
            environ = docker_engine.environment(containers[pod])
            assert "production" not in " ".join(environ.values())
            assert (environ["REDIS_HOST"], environ["REDIS_SSL"]) == ("proxy", "false")
            assert environ["REDIS_PASSWORD"] == ""

    def test_every_service_gets_healthy(self, engine: DockerClient, plain: Plain) -> None:
        def healthy() -> bool:
            states = [c.attrs["State"] for c in docker_engine.containers(engine, plain.project).values()]
            return [state["Health"]["Status"] for state in states] == ["healthy"] * 5

        until(healthy, "the pods are healthy", every=0.2)

    def test_down_leaves_nothing(self, engine: DockerClient, clone: Path, project: NewProject) -> None:
        stack = Plain(clone, project())
        done = stack.run("up", "--wait", "redis", "mock-ml")
        assert done.returncode == 0, done.stdout
        assert len(left_of(engine, stack.project)) == 3  # two containers and their network
        volumes = len(engine.volumes.list())
        assert stack.run("down").returncode == 0
        assert left_of(engine, stack.project) == []
        assert len(engine.volumes.list()) <= volumes


class TestAttached:
    def test_the_status_is_read_from_the_containers(self, plain: Plain, attached: ComposeStack) -> None:
        status = attached.status()
        assert status.backend == "compose"
        assert [(pod.name, pod.state) for pod in status.pods] == [(A, "running"), (B, "running")]
        assert status.pods[0].settings["REDIS_PREFIX"] == "from-env:"
        assert "ABSTRACT_HMAC_SECRET" not in str(status.to_json())
        assert status.endpoints.traffic == plain.url
        with redis.Redis(port=status.endpoints.redis_port) as client:
            assert client.info("server")["redis_version"] == status.redis_version

    def test_turning_redis_on_mends_the_bug(self, plain: Plain, attached: ComposeStack) -> None:
        lines: list[str] = []
        attached.restart_pods({"A": {"USE_REDIS": "true"}, "B": {"USE_REDIS": "true"}}, lines.append)
        assert sorted(lines) == [f"{A} ready", f"{B} ready"]
        assert attached.status().spec.use_redis is True
        assert cross_pod_message(plain.url) is None
        assert [pod.settings["REDIS_HOST"] for pod in attached.status().pods] == ["proxy", "proxy"]
        attached.restart_pods({A: {"SESSION_STRATEGY": "guide"}}, quiet)
        settings = [pod.settings for pod in attached.status().pods]
        assert [setting["USE_REDIS"] for setting in settings] == ["true", "true"]
        assert [setting["SESSION_STRATEGY"] for setting in settings] == ["guide", "atomic"]

    def test_one_pod_alone_is_a_canary(self, plain: Plain, attached: ComposeStack) -> None:
        before = {pod.name: pod.pid for pod in attached.status().pods}
        attached.restart_pods({B: {"USE_REDIS": "true", "REDIS_PREFIX": "b$HOME:"}}, quiet)
        after = attached.status()
        assert {pod.name: pod.settings["USE_REDIS"] for pod in after.pods} == {A: "false", B: "true"}
        assert after.pods[1].settings["REDIS_PREFIX"] == "b$HOME:"
        assert {pod.name: pod.pid for pod in after.pods}[A] == before[A]
        assert cross_pod_message(plain.url) == "Challenge not found"

    def test_pods_are_added_and_removed(self, plain: Plain, attached: ComposeStack) -> None:
        before, lines, c = {pod.name: pod.pid for pod in attached.status().pods}, list[str](), "captcha-api-c"
        attached.set_pods(["a", "b", "c"], {"c": {"USE_REDIS": "true"}}, None, lines.append)
        status = attached.status()
        assert lines == [f"{c} ready"]
        assert {pod.name: pod.pid for pod in status.pods if pod.name != c} == before
        served = [httpx.post(f"{plain.url}/api/abstract-captcha").headers["x-served-by"] for _ in range(3)]
        assert sorted(served) == [A, B, c]
        commands = httpx.get(f"{status.endpoints.control}/commands").json()["commands"]
        assert c in {command["pod"] for command in commands}
        assert plain.run("restart", "proxy").returncode == 0
        until(lambda: known_pods(status) == [A, B], "the proxy is back, with the pods that it was made with")
        attached.status()
        assert known_pods(status) == [A, B, c], "who asks for the status reminds the proxy"
        attached.set_pods(["b", "c"], {}, None, lines.append)
        assert lines[-1] == f"{A} removed"
        assert [pod.name for pod in attached.status().pods] == [B, c]
        attached.restart_pods({c: {"USE_REDIS": "false"}}, quiet)
        with pytest.raises(EnvironmentProblem, match=rf"{A} ended at start .*REDIS_TIMEOUT_MS='soon'"):
            attached.set_pods(["a", "b", "c"], {"a": {"REDIS_TIMEOUT_MS": "soon"}}, None, quiet)
        assert [pod.name for pod in attached.status().pods] == [B, c]
        attached.set_pods(["a", "b"], {}, None, quiet)
        assert [(pod.name, pod.state) for pod in attached.status().pods] == [(A, "running"), (B, "running")]

    def test_a_pod_that_dies_is_told_with_its_words(self, attached: ComposeStack) -> None:
        with pytest.raises(EnvironmentProblem, match=rf"{B} ended at start .*REDIS_TIMEOUT_MS='soon'"):
            attached.restart_pods({B: {"REDIS_TIMEOUT_MS": "soon"}}, quiet)
        assert [pod.state for pod in attached.status().pods] == ["running", "stopped"]

    def test_redis_pauses_resumes_stops_and_starts(self, attached: ComposeStack) -> None:
        with redis.Redis(port=attached.endpoints().redis_port, socket_timeout=0.5) as client:
            client.set("here", "1")
            attached.redis("pause")
            assert attached.status().redis_state == "paused"
            with pytest.raises(redis.exceptions.TimeoutError):
                client.ping()
            with pytest.raises(UsageProblem, match="it is paused"):
                attached.redis("start")
            attached.redis("resume")
            assert client.get("here") == b"1"
            attached.redis("pause")
            attached.redis("stop")
            assert attached.status().redis_state == "stopped"
            attached.redis("start")
            assert attached.status().redis_state == "running"
            assert client.get("here") is None

    def test_logs_of_all_and_of_one(self, attached: ComposeStack) -> None:
        names = {line.split(" | ")[0].strip() for line in attached.logs(None, tail=5, follow=False)}
        assert names == {"redis", "mock-ml", A, B, "proxy"}
        lines = list(attached.logs("b", tail=2, follow=False))
        assert lines
        assert all(line.startswith(f"{B} ") for line in lines)
        with pytest.raises(UsageProblem, match="'nothing'"):
            next(attached.logs("nothing", tail=None, follow=False))

    def test_a_second_start_is_refused(self, plain: Plain, attached: ComposeStack) -> None:
        with pytest.raises(EnvironmentProblem, match="already there"):
            attached.start(SPEC, quiet)
        assert [pod.state for pod in attached.status().pods] == ["running", "running"]


class TestOwn:
    def test_three_pods_come_up_and_go(
        self, engine: DockerClient, clone: Path, project: NewProject, tmp_path: Path
    ) -> None:
        stack, lines = ComposeStack(clone, tmp_path, project=project()), list[str]()
        spec = replace(SPEC, pods=3, use_redis=True, pod_env={C: {"CAPTCHA_TTL": "30"}}, workers=2)
        status = stack.start(spec, lines.append)
        assert {f"{pod} ready" for pod in (A, B, C)} | {"proxy ready"} <= set(lines)
        assert [pod.settings["CAPTCHA_TTL"] for pod in status.pods] == ["60", "60", "30"]
        assert (status.spec.use_redis, status.spec.pods, status.spec.workers) == (True, 3, 2)
        served = [httpx.get(f"{status.endpoints.traffic}/ready").headers["X-Served-By"] for _ in range(3)]
        assert sorted(served) == [A, B, C]
        stack.stop()
        assert left_of(engine, stack.project) == []
        with pytest.raises(EnvironmentProblem, match="no stack is running"):
            stack.status()

    def test_a_pod_that_dies_at_start_leaves_nothing(
        self, engine: DockerClient, clone: Path, project: NewProject, tmp_path: Path
    ) -> None:
        stack = ComposeStack(clone, tmp_path, project=project())
        spec = replace(SPEC, pod_env={B: {"REDIS_PORT": "tcp://10.0.0.7:6379"}})
        with pytest.raises(
            EnvironmentProblem, match=rf"{B} ended at start .*REDIS_PORT='tcp://10.0.0.7:6379'"
        ):
            stack.start(spec, quiet)
        assert left_of(engine, stack.project) == []

    def test_a_taken_port_names_its_owner_before_anything_starts(
        self, engine: DockerClient, plain: Plain, project: NewProject, tmp_path: Path
    ) -> None:
        stack = ComposeStack(plain.folder, tmp_path, project=project())
        taken = plain.ports.redis
        with pytest.raises(EnvironmentProblem, match=f"port {taken} for Redis is taken by") as caught:
            stack.start(replace(SPEC, ports=replace(Ports.free(), redis=taken)), quiet)
        assert "DEVENV_REDIS_PORT" in (caught.value.hint or "")
        assert left_of(engine, stack.project) == []

    @pytest.mark.skipif(os.name == "nt", reason="kill -9")
    def test_kill_9_of_the_client_leaves_nothing(
        self, engine: DockerClient, clone: Path, project: NewProject, tmp_path: Path
    ) -> None:
        name = project()
        program = (
            "import sys; from pathlib import Path; from devenv.core.model.topology import Ports, StackSpec\n"
            "from devenv.stack.compose.backend import ComposeStack\n"
            "stack = ComposeStack(Path(sys.argv[1]), Path(sys.argv[2]), project=sys.argv[3])\n"
            "stack.start(StackSpec(ports=Ports.free(), pods=1), lambda line: print(line, flush=True))\n"
            "sys.stdin.read()\n"
        )
        command = [sys.executable, "-c", program, str(clone), str(tmp_path), name]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert client.stdout is not None
        with client.stdout:
            while client.stdout.readline() not in (b"redis ready\n", b""):
                pass  # killed in the midst of starting
        assert left_of(engine, name)
        client.kill()
        client.wait()
        until(lambda: left_of(engine, name) == [], "nothing is left of the project", every=0.2)


def test_an_engine_out_of_reach_is_told(
    engine: DockerClient, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(EnvironmentProblem, match="engine is not reachable") as caught:
        ComposeStack(clone, tmp_path, project="devenv-none").start(SPEC, quiet)
    assert "--backend embedded" in (caught.value.hint or "")
    assert caught.value.exit_code == 4

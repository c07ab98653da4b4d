"""The compose backend: the stack in containers, by ``docker compose`` and the engine's API."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import (
    Endpoints,
    RedisMode,
    SettingChanges,
    StackSpec,
    StackStatus,
)
from devenv.core.model.vocabulary import POD_PREFIX, resolve_pod
from devenv.stack import environment, logs, redis_access
from devenv.stack.compose import compose_balancer, compose_file, compose_redis, container_spec, docker_engine
from devenv.stack.compose import exit_cleanup as exit_cleanup
from devenv.stack.compose.compose_balancer import SERVICE as BALANCER
from devenv.stack.compose.docker_engine import Compose
from devenv.stack.compose.pod_table import PodTable, is_forgotten
from devenv.stack.embedded import redis_server
from devenv.stack.files import private_folder, state_folder
from devenv.stack.own_service import not_on_compose
from devenv.stack.ports import LOOPBACK, Reservation
from devenv.stack.protocol import Progress
from devenv.stack.waiting import wait_until

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

START_SECONDS = 600.0  # the first start pulls and builds images
READY_SECONDS = 60.0
_POLL_SECONDS = 0.25
_STOP_SECONDS = 3
_PREFIX = re.compile(r"^(\S+?)-\d+(\s*)\| ?")
_ERASE_LINE = "\x1b[2K"  # compose writes it before lines even into a pipe
_PARTS = ("redis", "mock-ml", "proxy")


class ComposeStack:
    """The stack of docker-compose.yml in ``project_dir`` (``Stack``), also one that plain compose began.

    ``project`` is the compose project's name, by default the one that plain ``docker compose`` takes. The
    compose file as changed for this stack, and compose's output, go to ``state_dir``. Containers live with
    the engine; not ``detached``, they are taken down when this process ends, also when it is killed.
    """

    backend = "compose"

    def __init__(
        self, project_dir: Path, state_dir: Path, *, project: str | None = None, detached: bool = False
    ) -> None:
        self._project_dir = project_dir.resolve()
        self._dir = state_dir.resolve()
        self._credentials = self._dir / "credentials"
        self._wished_project = project
        self._detached = detached
        self._client: DockerClient | None = None
        self._exit_cleanup: subprocess.Popen[bytes] | None = None

    # -- Stack -------------------------------------------------------------------------------------------

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        """As ``Stack.start``; builds the images where they are missing or old."""
        not_on_compose(spec.service)
        if self._containers():
            raise EnvironmentProblem(
                f"a stack is already there (compose project {self.project})",
                hint="end it with `devenv down` or `docker compose down`",
            )
        with Reservation(spec.ports) as reservation:
            ports = reservation.ports
        document = self._document(spec, {pod: spec.settings_of(pod) for pod in spec.pod_names})
        secret = {compose_file.USERS_VARIABLE: redis_access.new_password()}
        compose = self._compose(compose_file.variables(spec, ports) | secret, document)
        if not self._detached:
            self._start_exit_cleanup(spec.redis_mode)
        try:
            self._up(compose, frozenset(document["services"]), progress)
        except BaseException:
            self._down(spec.redis_mode)
            self._dismiss_exit_cleanup()
            raise
        return self.status()

    def stop(self) -> None:
        """As ``Stack.stop``: containers, networks and volumes of the project are removed."""
        if containers := self._containers():
            self._down(compose_redis.mode_of(containers))
        self._dismiss_exit_cleanup()

    def status(self) -> StackStatus:
        """As ``Stack.status``. ``spec.policy`` is the one the proxy was started with.

        A proxy that has restarted since pods were added or removed gets the table of pods again.
        """
        containers = self._present()
        spec = container_spec.spec_of(containers)
        if is_forgotten(containers["proxy"], {pod: containers[pod] for pod in spec.pod_names}):
            PodTable(self._endpoints_of(containers).control).restore(spec.pod_names)
        pods = tuple(container_spec.pod_status(pod, containers[pod]) for pod in spec.pod_names)
        return StackStatus(
            backend=self.backend,
            spec=spec,
            endpoints=self._endpoints_of(containers),
            pods=pods,
            redis_engine="redis",
            redis_version=compose_redis.version(containers),
            redis_state=compose_redis.state(containers),
            balancer=compose_balancer.status(containers),
        )

    def endpoints(self) -> Endpoints:
        """As ``Stack.endpoints``; ``pods`` is empty, as they are reached through the proxy alone."""
        return self._endpoints_of(self._present())

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """As ``Stack.restart_pods``: the containers are made anew with the other variables."""
        containers = self._present()
        spec = container_spec.spec_of(containers)
        not_on_compose(spec.service)
        named = environment.by_full_name(spec, settings)
        wished = {}
        for pod in spec.pod_names:
            now = container_spec.settings_of(containers[pod]) if pod in containers else {}
            changed = {**now, **named.get(pod, {})}
            wished[pod] = {name: value for name, value in changed.items() if value is not None}
        document = self._document(spec, wished)
        variables = compose_file.variables(spec, container_spec.ports_of(containers))
        variables |= compose_redis.variables_of(containers)
        self._recreate(self._compose(variables, document), tuple(named))
        self._wait_for_pods(tuple(named), progress)

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """As ``Stack.set_pods``; a balancer's container is made anew with its new file."""
        containers = self._present()
        before = container_spec.spec_of(containers)
        not_on_compose(before.service)
        after = environment.with_pods(before, pods, settings)
        added = [pod for pod in after.pod_names if pod not in before.pod_names]
        table = PodTable(self._endpoints_of(containers).control)
        table.check(after, policy)
        together = environment.with_pods(before, [*before.pod_names, *added], settings)
        variables = compose_file.variables(before, container_spec.ports_of(containers))
        variables |= compose_redis.variables_of(containers)
        wished = {pod: container_spec.settings_of(containers[pod]) for pod in before.pod_names}
        wished |= {pod: after.settings_of(pod) for pod in added}
        try:
            table.put(together.pod_names, before.pod_names, None)
            if added:
                self._recreate(self._compose(variables, self._document(together, wished)), added)
                self._wait_for_pods(tuple(added), progress)
            if before.balancer:
                table.put(together.pod_names, together.pod_names, None)
                rest = {pod: wished[pod] for pod in after.pod_names}
                self._recreate(self._compose(variables, self._document(after, rest)), [BALANCER])
                self._until(lambda: BALANCER in self._healthy(), f"the {BALANCER} did not get ready")
            table.put(together.pod_names, after.pod_names, policy)
        except BaseException:
            self._remove(added)
            table.put(before.pod_names, before.pod_names, None)
            raise
        removed = [pod for pod in before.pod_names if pod not in after.pod_names]
        self._remove(removed)
        table.put(after.pod_names, after.pod_names, None)
        for pod in removed:
            progress(f"{pod} removed")

    def _recreate(self, compose: Compose, services: Sequence[str]) -> None:
        """Make these containers, anew where they are there; EnvironmentProblem where Compose cannot."""
        done = compose.run("up", "--detach", "--no-deps", "--force-recreate", "--no-build", *services)
        if done.returncode:
            raise _failed(f"docker compose could not start {', '.join(services)}", done.stdout)

    def _remove(self, services: Sequence[str]) -> None:
        for container in [one for name, one in self._containers().items() if name in services]:
            container.stop(timeout=_STOP_SECONDS)
            container.remove(force=True)

    def _healthy(self) -> list[str]:
        containers = self._containers().items()
        return [name for name, one in containers if docker_engine.state(one) == "running"]

    def redis(self, action: str) -> None:
        """As ``Stack.redis``."""
        containers = self._present()
        if not redis_server.must_act(action, compose_redis.state(containers)):
            return
        servers, mode = compose_redis.servers(containers), compose_redis.mode_of(containers)
        for server in servers:
            _act(server, action)
        if action in ("start", "resume"):
            self._until(
                lambda: all(compose_redis.serves(server, mode) for server in servers), "Redis did not answer"
            )
            compose_redis.form_cluster(containers)

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        """As ``Stack.logs``. Raises ``UsageProblem`` for an unknown part."""
        containers = self._present()
        services = sorted(containers)
        if name is not None:
            part = name if name in services else resolve_pod(name, services)
            if part is None:
                raise UsageProblem(f"no part is called {name!r}", hint=f"the parts are {', '.join(services)}")
            services = [part]
        options = [
            "--no-color",
            "--tail",
            "all" if tail is None else str(tail),
            *(["--follow"] if follow else []),
        ]
        pods: dict[str, dict[str, str]] = {part: {} for part in services if part.startswith(POD_PREFIX)}
        mode, variables = compose_redis.mode_of(containers), compose_redis.variables_of(containers)
        document = compose_file.with_pods(compose_file.read(self._project_dir, mode), pods)
        compose = self._compose(variables, document)
        process = compose.popen(["logs", *options, *services], subprocess.PIPE)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                text = line.decode("utf-8", "replace").rstrip("\r\n").replace(_ERASE_LINE, "")
                yield _PREFIX.sub(r"\1\2| ", text)
        finally:
            process.terminate()
            process.wait()

    # -- compose -----------------------------------------------------------------------------------------

    @property
    def _engine(self) -> DockerClient:
        """The Docker engine, connected to when it is first asked."""
        if self._client is None:
            self._client = docker_engine.connect()
        return self._client

    @property
    def project(self) -> str:
        """The compose project's name."""
        if self._wished_project is None:
            self._wished_project = docker_engine.own_project(self._engine, self._project_dir)
        return self._wished_project

    def _document(self, spec: StackSpec, settings: Mapping[str, Mapping[str, str]]) -> compose_file.Document:
        """The compose file of ``spec``, whose pods have these settings."""
        overrides = [compose_balancer.override_file(spec.balancer)] if spec.balancer else []
        read = compose_file.read(self._project_dir, spec.redis_mode, overrides)
        document = compose_file.with_pods(read, settings, gate=spec.gate)
        return compose_balancer.with_balancer(document, spec) if spec.balancer else document

    def _compose(self, variables: Mapping[str, str], document: compose_file.Document) -> Compose:
        """``docker compose`` on ``document``."""
        file = self._dir / f"compose.{self.project}.yml"
        compose_file.write(document, file)
        images = {compose_file.IMAGES_VARIABLE: self._images}
        return Compose(self._project_dir, self.project, [file], {**images, **variables})

    @property
    def _images(self) -> str:
        """What the names of images begin with: the checkout's own project, also for a temporary project."""
        given = os.environ.get(compose_file.IMAGES_VARIABLE)
        return given or docker_engine.own_project(self._engine, self._project_dir)

    def _up(self, compose: Compose, services: frozenset[str], progress: Progress) -> None:
        """Run ``docker compose up --wait`` and tell as each part gets ready.

        A pod that answers, but is not ready (its Redis may be meant to be out of reach), is left at that.
        """
        progress("building images and starting containers (the first time takes a while)")
        log, ready = private_folder(state_folder(self._dir) / "logs") / "compose.log", set[str]()
        deadline = time.monotonic() + START_SECONDS
        with log.open("wb") as output:
            # The exit cleanup waits for an `up` that outlives this process: beside it, it would miss
            # something.
            cleanup = self._exit_cleanup
            inherited = [cleanup.stdin.fileno()] if cleanup and cleanup.stdin else []
            process = compose.popen(["--progress", "plain", "up", "--wait", "--detach"], output, inherited)
        try:
            ended = settled = False
            while not ended and not settled:
                ended = process.poll() is not None  # asked first, so that the last news count
                for service, container in (containers := self._containers()).items():
                    if service not in ready and (news := _news(service, container)):
                        ready.add(service)
                        progress(news)
                # Compose itself would wait on for pods that are not to become ready.
                settled = ready >= services and any(map(_answers_not_ready, containers.values()))
                if time.monotonic() > deadline:
                    raise EnvironmentProblem(
                        f"the containers did not get ready in {START_SECONDS:g} s",
                        hint=f"compose's output is {log}",
                    )
                if not ended and not settled:
                    time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode and not settled:
            raise self._why_not(log)

    def _why_not(self, log: Path) -> EnvironmentProblem:
        """The error after a failed start: the part that ended or is unwell, with its last words."""
        for service, container in self._containers().items():
            state = docker_engine.state(container)
            if state == "unhealthy" or container.attrs["State"]["Status"] == "exited":
                how = "did not get ready" if state == "unhealthy" else _how_it_ended(container)
                return EnvironmentProblem(f"{service} {how}" + _last_words(container), hint=f"see also {log}")
        return _failed("docker compose up failed", log.read_text(encoding="utf-8", errors="replace"))

    def _plain(self, mode: RedisMode) -> Compose:
        """``docker compose`` on the project's own files, which are still there when ours is not."""
        files = [self._project_dir / name for name in compose_file.files(mode)]
        unused = {compose_file.USERS_VARIABLE: "-"}  # wanted by the file; what is ended by it asks for none
        return Compose(self._project_dir, self.project, files, unused)

    def _down(self, mode: RedisMode) -> None:
        done = self._plain(mode).run(*_DOWN)
        if done.returncode:
            raise _failed("docker compose down failed", done.stdout)
        shutil.rmtree(self._credentials, ignore_errors=True)

    def _start_exit_cleanup(self, mode: RedisMode) -> None:
        compose = self._plain(mode)
        self._exit_cleanup = subprocess.Popen(
            [sys.executable, "-I", "-S", exit_cleanup.__file__, *compose.command, *_DOWN],
            env=compose.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _dismiss_exit_cleanup(self) -> None:
        if self._exit_cleanup is not None:
            self._exit_cleanup.communicate(exit_cleanup.DISMISS)
            self._exit_cleanup = None

    # -- containers --------------------------------------------------------------------------------------

    def _containers(self) -> dict[str, Container]:
        return docker_engine.containers(self._engine, self.project)

    def _present(self) -> dict[str, Container]:
        """The containers, the stack's parts among them; ``EnvironmentProblem`` where no stack is running."""
        containers = self._containers()
        if not containers.keys() >= set(_PARTS):
            raise EnvironmentProblem(
                f"no stack is running (compose project {self.project})",
                hint="start one: `docker compose up --wait`, or `devenv up --backend compose`",
            )
        return containers

    def _endpoints_of(self, containers: Mapping[str, Container]) -> Endpoints:
        ports = container_spec.ports_of(containers)
        proxy = ""
        if compose_balancer.SERVICE in containers:
            proxy = f"http://{LOOPBACK}:{docker_engine.host_port(containers['proxy'], 8080)}"
        return Endpoints(
            traffic=f"http://{LOOPBACK}:{ports.traffic}",
            control=f"http://{LOOPBACK}:{ports.control}",
            ml=f"http://{LOOPBACK}:{ports.ml}",
            redis_host=LOOPBACK,
            redis_port=ports.redis,
            redis_access=compose_redis.access_file(containers, self._credentials),
            redis_replica=compose_redis.replica(containers),
            redis_nodes=compose_redis.nodes(containers),
            proxy=proxy,
        )

    def _wait_for_pods(self, pods: tuple[str, ...], progress: Progress) -> None:
        """Wait until each is healthy; one that is up but keeps saying "not ready" is left at that."""
        waiting = dict.fromkeys(pods)

        def all_ready() -> bool:
            containers = self._containers()
            for pod in tuple(waiting):
                container = containers.get(pod)
                state = docker_engine.state(container) if container is not None else "starting"
                if container is not None and state == "stopped":
                    what = f"{pod} {_how_it_ended(container)}" + _last_words(container)
                    raise EnvironmentProblem(what, hint=f"its whole log: `devenv logs {pod}`")
                if container is not None and (news := _news(pod, container)):
                    progress(news)
                    del waiting[pod]
            return not waiting

        self._until(all_ready, "the pods did not get ready")

    def _until(self, condition: Callable[[], bool], problem: str) -> None:
        wait_until(condition, READY_SECONDS, problem, every=_POLL_SECONDS)


_DOWN = ("down", "--volumes", "--remove-orphans", "--timeout", "3")


def _failed(what: str, output: str) -> EnvironmentProblem:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return EnvironmentProblem(f"{what}: {lines[-1] if lines else 'no output'}")


def _how_it_ended(container: Container) -> str:
    return f"ended at start (exit code {container.attrs['State'].get('ExitCode')})"


def _last_words(container: Container) -> str:
    last_lines = logs.last_words(container.logs(tail=50).decode("utf-8", "replace"), 3)
    return f": {last_lines}" if last_lines else ""


def _news(service: str, container: Container) -> str:
    """One line once the part is ready, or is a pod that clearly says that it is not; "" before."""
    if docker_engine.state(container) == "running":
        return f"{service} ready"
    if service.startswith(POD_PREFIX) and _answers_not_ready(container):
        return f"{service} is up, but not ready: its health check is answered by an HTTP error 5xx"
    return ""


def _answers_not_ready(container: Container) -> bool:
    """Whether the health check has had a clear "no" from the running service, twice."""
    probes = container.attrs["State"].get("Health", {}).get("Log") or ()
    return sum("HTTP Error 5" in probe.get("Output", "") for probe in probes) >= 2


def _act(server: Container, action: str) -> None:
    state = docker_engine.state(server)
    if not redis_server.must_act(action, state if state in ("paused", "stopped") else "running"):
        return
    if action == "pause":
        server.pause()
    elif action == "resume":
        server.unpause()
    elif action == "start":
        server.start()
    else:
        if state == "paused":  # older engines refuse to kill a paused container
            server.unpause()
        server.kill()
        server.wait()

"""The Docker engine and its compose plugin: found, asked, and what is missing said."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from devenv.core.model.errors import EnvironmentProblem

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_HINT = "start Docker (https://docs.docker.com/engine/install/), or use --backend embedded"
PROJECT_LABEL, SERVICE_LABEL = "com.docker.compose.project", "com.docker.compose.service"
FOLDER_LABEL = "com.docker.compose.project.working_dir"


def connect() -> DockerClient:
    """A client of the engine that the docker command line would use (DOCKER_HOST, else its current context).

    Raises ``EnvironmentProblem`` where there is no docker, no engine or no compose v2.
    """
    if shutil.which("docker") is None:
        raise EnvironmentProblem("Docker is not installed: no docker on PATH", hint=_HINT)
    host = os.environ.get("DOCKER_HOST") or _output(
        "docker", "context", "inspect", "-f", "{{.Endpoints.docker.Host}}"
    )
    try:
        import docker  # not at the top: its import takes as long as the rest of a command
        from docker.errors import DockerException
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            "the compose backend needs the Python package docker", hint="pip install 'devenv[docker]'"
        ) from error

    try:
        client = docker.DockerClient(base_url=host) if host else docker.from_env()
        client.ping()
    except DockerException as error:
        raise EnvironmentProblem(
            f"the Docker engine is not reachable at {host or 'its socket'}", hint=_HINT
        ) from error
    if not _output("docker", "compose", "version", "--short").lstrip("v").startswith(tuple("23456789")):
        raise EnvironmentProblem(
            "docker has no compose plugin (v2)",
            hint="install docker-compose-plugin, or use --backend embedded",
        )
    return client


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def containers(client: DockerClient, project: str) -> dict[str, Container]:
    """The project's containers by service name, also those that have ended."""
    listed = client.containers.list(
        all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True
    )
    return {container.labels[SERVICE_LABEL]: container for container in listed}


def run_inside(container: Container, *words: str) -> tuple[int | None, bytes]:
    """The exit code and the output of a command in a container.

    Raises EnvironmentProblem where the engine cannot run it there, as in a container that has just ended.
    """
    from docker.errors import APIError

    try:
        done = container.exec_run([*words])
    except APIError as error:
        raise EnvironmentProblem(
            f"the container {container.name} cannot run {words[0]}: {error.explanation or error}",
            hint="did its stack end just now? --backend embedded needs no container",
        ) from error
    assert isinstance(done.output, bytes)  # not streamed
    return done.exit_code, done.output


def state(container: Container) -> str:
    """running (and healthy), starting, unhealthy, paused or stopped."""
    inside: dict[str, Any] = container.attrs["State"]
    if inside.get("Paused"):
        return "paused"
    if not inside.get("Running"):
        return "stopped"
    health = inside.get("Health", {}).get("Status", "healthy")
    return "running" if health == "healthy" else str(health)


def environment(container: Container) -> dict[str, str]:
    """The variables that the container was created with."""
    pairs = (entry.partition("=") for entry in container.attrs["Config"]["Env"] or ())
    return {name: value for name, _, value in pairs}


def image_environment(container: Container) -> dict[str, str]:
    """The variables that come from the container's image."""
    image = container.image
    pairs = (entry.partition("=") for entry in (image.attrs["Config"]["Env"] or () if image else ()))
    return {name: value for name, _, value in pairs}


def host_port(container: Container, port: int) -> int:
    """The port of this machine that leads to ``port`` of the container; 0 where there is none."""
    bound = (container.attrs["HostConfig"].get("PortBindings") or {}).get(f"{port}/tcp")
    live = (container.attrs["NetworkSettings"].get("Ports") or {}).get(f"{port}/tcp")
    for binding in (*(live or ()), *(bound or ())):
        if binding["HostPort"] not in ("", "0"):
            return int(binding["HostPort"])
    return 0


class Compose:
    """``docker compose`` for one project: folder, project name, compose files, variables."""

    def __init__(
        self, project_dir: Path, project: str, files: Sequence[Path], variables: Mapping[str, str]
    ) -> None:
        options = ["--project-directory", str(project_dir), "-p", project]
        for file in files:
            options += ["-f", str(file)]
        self.command = ("docker", "compose", *options)
        self.environ = {**os.environ, **variables}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; output captured, standard error with it."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    def popen(
        self, arguments: Sequence[str], output: int | IO[bytes], keep_open: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start it and return; standard error goes to ``output`` too. It inherits ``keep_open`` (POSIX)."""
        return subprocess.Popen(
            [*self.command, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=keep_open if os.name == "posix" else (),
        )


def own_project(client: DockerClient, project_dir: Path) -> str:
    """The project of the checkout ``project_dir``: that of a plain ``docker compose`` in it, where it can be.

    Compose names a project as its folder is named. Where the containers of that name are those of another
    folder, or were when this checkout's began, eight digits of the path's SHA-256 are added. A name that
    COMPOSE_PROJECT_NAME or a compose file gives stays.
    """
    plain = project_name(project_dir)
    if plain != _as_compose_names(project_dir.name):
        return plain
    name = f"{plain}-{hashlib.sha256(str(project_dir).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    of_another = any(
        _is_another(container.labels.get(FOLDER_LABEL, ""), project_dir)
        for container in containers(client, plain).values()
    )
    return name if of_another or containers(client, name) else plain


def _as_compose_names(folder: str) -> str:
    """Lower-case letters, digits, underscores and dashes; a letter or a digit first (compose-go, loader)."""
    return re.sub(r"[^a-z0-9_-]", "", folder.lower()).lstrip("_-")


def _is_another(folder: str, project_dir: Path) -> bool:
    """Whether a folder is another that is still there: what a moved folder left is no project's."""
    return bool(folder) and Path(folder).is_dir() and not project_dir.samefile(folder)


def project_name(project_dir: Path) -> str:
    """The project name that a plain ``docker compose`` in ``project_dir`` would use."""
    done = _output("docker", "compose", "--project-directory", str(project_dir), "config", "--format", "json")
    try:
        return str(json.loads(done)["name"])
    except (ValueError, KeyError):
        return os.environ.get("COMPOSE_PROJECT_NAME") or "devenv"

"""Which stack a verb talks to: the one that runs, or the backend that was asked for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import psutil

from devenv.core.model.backends import Backend
from devenv.core.model.errors import DevenvError, EnvironmentProblem
from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.runs.journal import JOURNAL, FileJournal, JournaledStack
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.environment import PACKAGE_ROOT
from devenv.stack.files import state_folder
from devenv.stack.protocol import Progress, Stack

SUPERVISOR = (sys.executable, "-m", "devenv.dashboard.supervisor")
COMPOSE_FILE = "docker-compose.yml"
_TEMPORARY = "temporary-"


def open_stack(
    backend: Backend, state_dir: Path, *, detached: bool = False, cold: bool = False
) -> JournaledStack:
    """The stack of ``backend`` whose state is in ``state_dir``; it may run or not.

    ``detached``: a stack started through it outlives this process. ``cold``: its pods are started one by one,
    not as forks of a process that has their imports.
    """
    stack: Stack
    if backend == "embedded":
        stack = EmbeddedStack(state_dir, SUPERVISOR, detached, cold)
    else:
        from devenv.stack.compose.backend import (
            ComposeStack,
        )  # Docker's client costs 0.2 s; embedded needs none of it

        stack = ComposeStack(project_dir(), state_dir, detached=detached)
    return JournaledStack(stack, FileJournal(state_dir / JOURNAL))


def project_dir() -> Path:
    """The folder with docker-compose.yml: the current one, else the checkout that devenv runs from."""
    for folder in (Path.cwd(), PACKAGE_ROOT):
        if (folder / COMPOSE_FILE).is_file():
            return folder
    raise EnvironmentProblem(
        f"there is no {COMPOSE_FILE} here, nor beside the devenv package",
        hint="run it in a checkout of the project, or use --backend embedded",
    )


def running_stack(backend: Backend | None, state_dir: Path) -> JournaledStack:
    """The stack that runs: of ``backend``, or with None the embedded one, else the compose project.

    Raises EnvironmentProblem where nothing runs.
    """
    if backend is not None:
        stack = open_stack(backend, state_dir)
        stack.status()
        return stack
    candidates: tuple[Backend, ...] = ("embedded", "compose")
    for candidate in candidates:
        with suppress(DevenvError):
            return running_stack(candidate, state_dir)
    raise EnvironmentProblem(
        "no stack is running, neither embedded here nor with Docker Compose",
        hint="start one with `devenv up -d` or `docker compose up --wait`",
    )


@contextmanager
def fresh_stack(
    backend: Backend, state_dir: Path, spec: StackSpec, progress: Progress, *, cold: bool = False
) -> Iterator[JournaledStack]:
    """A stack of its own on free ports, started; ended and without trace when the block is left.

    It also ends when this process does, in whatever way. ``cold`` as for ``open_stack``.
    """
    _sweep(state_dir)
    name, folder = _own_folder(state_dir)
    inner: Stack
    if backend == "compose":
        from devenv.stack.compose.backend import ComposeStack

        inner = ComposeStack(project_dir(), folder, project=f"devenv-{name}")
    else:
        inner = EmbeddedStack(folder, SUPERVISOR, cold=cold)
    stack = JournaledStack(inner, FileJournal(folder / JOURNAL))
    try:
        stack.start(replace(spec, ports=Ports.free()), progress)  # where this fails, its logs stay to be read
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _own_folder(state_dir: Path) -> tuple[str, Path]:
    """A name that has our process id, and a new folder of that name: one process may have several stacks."""
    state_folder(state_dir)
    for number in count(1):
        name = f"{_TEMPORARY}{psutil.Process().pid}" + (f"-{number}" if number > 1 else "")
        with suppress(FileExistsError):
            (state_dir / name).mkdir(mode=0o700)
            return name, state_dir / name
    raise AssertionError("numbers do not end")


def _sweep(state_dir: Path) -> None:
    """Remove what temporary stacks left whose process was killed."""
    for folder in state_dir.glob(f"{_TEMPORARY}*"):
        owner = folder.name.removeprefix(_TEMPORARY).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)

"""What several test folders share: embedded stacks of real processes on free ports."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from devenv.core.model.topology import StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.embedded.warm_client import SOCKET
from devenv.verbs.operate.select import SUPERVISOR
from tests.support import SharedWarmProcess

# The same examples in every run, and none judged by the clock: a busy machine is no failure.
settings.register_profile(
    "devenv", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("devenv")

# A shell that starts us in the background may have SIGINT ignored, for us and for all that we start. Tests
# press Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOGETHER = ("tests/bugs/", "tests/browser/", "tests/compose/", "tests/integration/verbs/doctor/")
"""Folders whose tests share what is dear to make, or the one compose project: one worker runs each."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """With ``-n``: a file's tests stay in one worker, as they share a stack; a folder's of TOGETHER too."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
        return folder or nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """What pytest-xdist asks for."""
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=os.name == "posix")
def shared_warm_process() -> Iterator[SharedWarmProcess]:
    """All stacks of this worker are forks of one warm process, which the first of them starts.

    A test of how a stack starts by itself asks for ``own_warm_process``; a process gets the same by an
    environment without DEVENV_WARM_SOCKET.
    """
    shared = SharedWarmProcess()
    os.environ[SOCKET] = str(shared.path)
    yield shared
    os.environ.pop(SOCKET, None)
    shared.close()


@pytest.fixture(scope="module")
def own_warm_process() -> Iterator[None]:
    """Stacks of this module are started as people start them: each has a warm process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SOCKET, raising=False)
        yield


StartStack = Callable[[StackSpec], EmbeddedStack]


@pytest.fixture(scope="module")
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartStack]:
    """Starts embedded stacks that end with the module; ports of the spec should be ``Ports.free()``."""
    started: list[EmbeddedStack] = []

    def start(spec: StackSpec) -> EmbeddedStack:
        stack = EmbeddedStack(Path(tmp_path_factory.mktemp("stack")), SUPERVISOR)
        stack.start(spec, lambda _line: None)
        started.append(stack)
        return stack

    yield start
    for stack in started:
        stack.stop()

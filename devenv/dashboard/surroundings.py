"""Where the page's process stands: in an embedded stack's supervisor, or in Compose's ``proxy`` container.

A container cannot restart its neighbours, and must not be able to: in Compose the page shows the command to
type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import (
    Endpoints,
    PodStatus,
    RedisMode,
    SettingChanges,
    StackSpec,
    StackStatus,
)
from devenv.core.model.vocabulary import Strategy
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.loopback import local_client
from devenv.stack.protocol import Progress
from devenv.stack.redis_access import ACCESS_FILE
from devenv.wire.edge.edge import Edge

ASK_SECONDS = 2.0


class Surroundings(Protocol):
    """The stack that the page is about."""

    state_dir: Path | None
    """Where runs are kept; None where there is no such folder."""

    def stack(self) -> JournaledStack:
        """The stack, as verbs take it."""


class EmbeddedSurroundings:
    """The supervisor's process: everything can be done from here."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir: Path | None = state_dir

    def stack(self) -> JournaledStack:
        """As ``Surroundings.stack``."""
        from devenv.verbs.operate.select import open_stack  # only where the page is used

        assert self.state_dir is not None
        return open_stack("embedded", self.state_dir)


class ContainedSurroundings:
    """Compose's ``proxy`` container, set up by ``environ``."""

    def __init__(self, edge: Edge, environ: Mapping[str, str]) -> None:
        self.state_dir: Path | None = None
        self._stack = JournaledStack(_ContainedStack(edge, environ), edge.notes)

    def stack(self) -> JournaledStack:
        """As ``Surroundings.stack``."""
        return self._stack


class _ContainedStack:
    """The stack as it is seen from inside the container: it can be looked at, not restarted (``Stack``)."""

    backend = "compose"

    def __init__(self, edge: Edge, environ: Mapping[str, str]) -> None:
        self._edge = edge
        self._environ = environ

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        """Not from here."""
        raise _from_outside("devenv up --backend compose")

    def stop(self) -> None:
        """Not from here."""
        raise _from_outside("devenv down --backend compose")

    def status(self) -> StackStatus:
        """What can be seen: the pods say their stores."""
        pods = tuple(
            PodStatus(
                name=str(pod["name"]),
                state="running" if pod["state"] == "up" else "stopped",
                settings=_settings(str(pod["address"])),
                address=str(pod["address"]),
            )
            for pod in self._edge.proxy.pods()
        )
        mode = RedisMode(self._environ.get("DEVENV_REDIS_MODE") or RedisMode.STANDALONE)
        spec = StackSpec(
            pods=len(pods), policy=self._edge.proxy.policy, gate=self._edge.gate is not None, redis_mode=mode
        )
        return StackStatus(
            backend=self.backend,
            spec=spec,
            endpoints=self.endpoints(),
            pods=pods,
            redis_engine="redis",
            redis_version="",
            redis_state="running",
        )

    def endpoints(self) -> Endpoints:
        """The parts as they are reached inside the containers' network."""
        redis_host, _, redis_port = self._environ.get("DEVENV_REDIS", "redis:6379").rpartition(":")
        credentials = self._environ.get("DEVENV_REDIS_CREDENTIALS", "")
        access = Path(credentials) / ACCESS_FILE
        return Endpoints(
            traffic=f"http://127.0.0.1:{self._edge.traffic_port}",
            control=f"http://127.0.0.1:{self._edge.control_port}",
            ml=self._environ.get("DEVENV_ML_URL", "http://mock-ml:8001"),
            redis_host=redis_host,
            redis_port=int(redis_port),
            redis_access=str(access) if credentials and access.exists() else "",
        )

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """Not from here."""
        raise _from_outside("devenv toggle on --backend compose")

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """Not from here."""
        raise _from_outside(f"devenv scale {len(pods)} --backend compose")

    def redis(self, action: str) -> None:
        """Not from here."""
        raise _from_outside(f"docker compose {'pause' if action == 'pause' else action} redis")

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        """Not from here."""
        raise _from_outside("devenv logs --backend compose")


def _from_outside(command: str) -> UsageProblem:
    return UsageProblem("a container cannot start or end its neighbours", hint=f"in a terminal: {command}")


def _settings(address: str) -> dict[str, str]:
    """Flag and strategy of the pod at ``host:port``, by the store it names; empty where it names none."""
    try:
        with local_client(f"http://{address}", ASK_SECONDS) as client:
            store = str(client.get("/health").json()["store"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return {}
    if store not in set(Strategy):
        return {}
    on = Strategy(store) is not Strategy.MEMORY
    return {"USE_REDIS": "true", "SESSION_STRATEGY": store} if on else {"USE_REDIS": "false"}

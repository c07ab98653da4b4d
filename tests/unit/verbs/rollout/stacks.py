"""A stack that only records which pods are restarted together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Endpoints, SettingChanges, StackSpec, StackStatus
from devenv.stack.protocol import Progress


class Restarts:
    """Has ``calls``: what each ``restart_pods`` was given. A restart of the pod ``broken`` fails."""

    backend = "embedded"

    def __init__(self, status: StackStatus, broken: str = "") -> None:
        self._status = status
        self._broken = broken
        self.calls: list[dict[str, dict[str, str | None]]] = []

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        return self._status

    def stop(self) -> None: ...

    def status(self) -> StackStatus:
        return self._status

    def endpoints(self) -> Endpoints:
        return self._status.endpoints

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        if self._broken in settings:
            raise EnvironmentProblem(f"{self._broken} does not start")
        self.calls.append({pod: dict(changes) for pod, changes in settings.items()})

    def redis(self, action: str) -> None: ...

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        return iter(())


def silent(line: str) -> None: ...

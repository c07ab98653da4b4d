"""Stacks that only record what is asked of them: restarts of pods, and which pods there are to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

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

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None: ...

    def redis(self, action: str) -> None: ...

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        return iter(())


class PodChanges(Restarts):
    """Has ``calls``: the pods, the settings and the policy that each ``set_pods`` was given."""

    def __init__(
        self,
        spec: StackSpec,
        shown: Callable[[StackSpec], StackStatus],
        with_pods: Callable[[StackSpec, Sequence[str], Mapping[str, SettingChanges]], StackSpec],
    ) -> None:
        super().__init__(shown(spec))
        self._shown, self._with_pods = shown, with_pods
        self.calls: list[tuple[tuple[str, ...], dict[str, SettingChanges], str | None]] = []  # type: ignore[assignment]

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        self.calls.append((tuple(pods), dict(settings), policy))
        self._status = self._shown(self._with_pods(self._status.spec, pods, settings))


def silent(line: str) -> None: ...

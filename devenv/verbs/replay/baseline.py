"""Gives a running stack the settings of a scenario, and puts everything back afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.core.model.topology import SettingChanges, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Create, Get, Request, Scenario, Step, Together, Verify
from devenv.harness.redis.faults import RedisSettings
from devenv.harness.runs.journal import journaled
from devenv.stack.protocol import Progress, Stack
from devenv.wire.control.gate_rules import GateRules
from devenv.wire.control.policy import present_policy, set_policy

_REDIS_RUNNING = "running"


def fits(scenario: Scenario, status: StackStatus) -> str | None:
    """Why the scenario cannot run on this stack, with what to do; None where it can.

    A request that no step pins is routed by the proxy's policy over all pods, so then their number must be
    exactly the scenario's.
    """
    needs, spec = scenario.stack, status.spec
    unpinned = any(_unpinned(step) for step in scenario.steps)
    if spec.pods < needs.pods or (unpinned and spec.pods != needs.pods):
        needed = f"{scenario.id} needs {needs.pods} pods"
        return f"{needed}, the stack has {spec.pods}: devenv up --pods {needs.pods}"
    if needs.redis is not None and spec.redis_mode is not needs.redis:
        return (
            f"{scenario.id} needs Redis as {needs.redis}, the stack's is {spec.redis_mode}: "
            f"devenv up --redis {needs.redis}"
        )
    if needs.policy is not None and (lacking := spec.lacks_policy(scenario.id, needs.policy)):
        return f"{lacking}: devenv down, then replay it again"
    if spec.workers != needs.workers:
        processes = "processes" if needs.workers > 1 else "process"
        return (
            f"{scenario.id} needs pods of {needs.workers} worker {processes}, the stack's "
            f"have {spec.workers}: devenv up --workers {needs.workers}"
        )
    return None


def required_spec(scenario: Scenario, strategy: Strategy) -> StackSpec:
    """The stack that a scenario asks for: what to start where none runs."""
    needs = scenario.stack
    return StackSpec(
        pods=needs.pods,
        workers=needs.workers,
        redis_mode=needs.redis or StackSpec().redis_mode,
        policy=needs.policy or StackSpec().policy,
        use_redis=strategy is not Strategy.MEMORY,
        strategy=strategy,
        env=needs.env,
        pod_env=needs.pod_env,
    )


class Baseline:
    """A context manager around a running stack: what ``apply`` and the steps change, leaving it restores.

    Only pods whose settings differ are restarted. Also restored on errors and Ctrl-C.
    """

    def __init__(self, stack: Stack, progress: Progress) -> None:
        self.stack = journaled(stack)
        self.status = stack.status()
        self.endpoints = stack.endpoints()
        self._progress = progress
        self._original = {pod.name: dict(pod.settings) for pod in self.status.pods}
        self._current = {pod: dict(settings) for pod, settings in self._original.items()}
        self._policy = self._original_policy = present_policy(self.endpoints.control)
        self.gate = GateRules(self.endpoints.control)
        self.redis_settings = RedisSettings(self.endpoints)
        self._cold = set(self._current)
        self._redis_state = self.status.redis_state
        if self._redis_state != _REDIS_RUNNING:
            raise EnvironmentProblem(
                f"the stack's Redis is {self._redis_state}", hint="devenv down, then devenv up"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.restore()
        finally:
            self.close()

    @property
    def pods(self) -> tuple[str, ...]:
        """The stack's pods."""
        return tuple(self._current)

    def settings(self, pod: str) -> Mapping[str, str]:
        """A pod's present settings."""
        return self._current[pod]

    def cold(self) -> tuple[str, ...]:
        """The pods that have not been warmed since they, or Redis, were started; now they count as warm."""
        cold = tuple(pod for pod in self._current if pod in self._cold)
        self._cold.clear()
        return cold

    def apply(self, scenario: Scenario, strategy: Strategy, *, as_is: bool = False) -> tuple[str, ...]:
        """Set up what the scenario needs, from wherever the last step left things.

        ``as_is``: the pods keep the stores that they have. Gives the pods that were restarted. Raises
        EnvironmentProblem where the stack does not fit.
        """
        if (reason := fits(scenario, self.status)) is not None:
            raise EnvironmentProblem(reason)
        self.mend()
        spec = required_spec(scenario, strategy)
        needs = scenario.stack
        wanted = {
            pod: {**settings, **needs.env, **needs.pod_env.get(pod, {})}
            if as_is
            else {**settings, **spec.settings_of(pod)}
            for pod, settings in self._original.items()
        }
        restarted = self._reach(wanted)
        self._route(scenario.stack.policy or self._original_policy)
        return restarted

    def restart(self, pods: tuple[str, ...], settings: SettingChanges) -> None:
        """Restart pods side by side with these settings over their present ones."""
        self._restart({pod: {**settings} for pod in pods})

    def redis(self, action: str) -> None:
        """Pause, resume, stop or start Redis, or flush it."""
        if action == "flush":
            self.redis_settings.happen("flush", SessionKey(""))
            return
        self.stack.redis(action)
        self._cold = set(self._current)
        self._redis_state = {"pause": "paused", "stop": "stopped"}.get(action, _REDIS_RUNNING)

    def mend(self) -> dict[str, int]:
        """End the faults: rules at the gate, Redis paused, stopped or set otherwise.

        Gives to how many commands each rule of the gate was applied.
        """
        applied = self.gate.lift()
        if self._redis_state != _REDIS_RUNNING:
            self.redis("resume" if self._redis_state == "paused" else "start")
        self.redis_settings.undo()
        return applied

    def restore(self) -> None:
        """Put Redis, settings and policy back as they were found."""
        self.mend()
        self._reach(self._original)
        self._route(self._original_policy)

    def close(self) -> None:
        """Close the connections."""
        self.gate.close()

    def _reach(self, wanted: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        changes = changes_to(wanted, self._current)
        if changes:
            self._restart(changes)
        return tuple(changes)

    def _restart(self, changes: Mapping[str, SettingChanges]) -> None:
        self._cold.update(changes)
        # Noted first: a pod that dies with its new settings has them, and needs its old ones back.
        for pod, change in changes.items():
            settings = {**self._current[pod], **change}
            self._current[pod] = {name: value for name, value in settings.items() if value is not None}
        self.stack.restart_pods(changes, self._progress)

    def _route(self, policy: str) -> None:
        if policy != self._policy:
            _before, self._policy = set_policy(self.status, policy)


def changes_to(
    wanted: Mapping[str, Mapping[str, str]], present: Mapping[str, Mapping[str, str]]
) -> dict[str, SettingChanges]:
    """What ``Stack.restart_pods`` must be given so that pods with ``present`` settings have the wanted ones.

    Pods that have them already are left out.
    """
    changes: dict[str, SettingChanges] = {}
    for pod, settings in wanted.items():
        have = present[pod]
        names = dict.fromkeys([*settings, *have])
        pairs = ((name, settings.get(name), have.get(name)) for name in names)
        change = {name: new for name, new, old in pairs if new != old}
        if change:
            changes[pod] = change
    return changes


def _unpinned(step: Step) -> bool:
    if isinstance(step, Together):
        return any(part.pod is None for part in step.verifies)
    return isinstance(step, Create | Verify | Get | Request) and step.pod is None

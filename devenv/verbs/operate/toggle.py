"""USE_REDIS switched by restarting pods, as a rollout would; for all of them or for a canary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.pod_stores import stores_in_words
from devenv.core.model.topology import SettingChanges
from devenv.core.model.vocabulary import Strategy, resolve_pod
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.rollout.in_turn import restart_in_turn


@dataclass(frozen=True, slots=True)
class Toggled:
    """What a toggle did."""

    restarted: tuple[str, ...]
    setting: str
    """What they were restarted with: USE_REDIS=true, or the service's own switch."""
    before: dict[str, str]
    """The store of every pod of the stack, in a word."""
    after: dict[str, str]
    """The same, after it."""
    seconds: float

    @property
    def mixed(self) -> bool:
        """Whether pods now keep their sessions in different places (the guide's canary step)."""
        return len(dict.fromkeys(self.after.values())) > 1

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "restarted": list(self.restarted),
            "before": self.before,
            "after": self.after,
            "mixed": self.mixed,
            "seconds": round(self.seconds, 2),
        }


def toggle(
    stack: Stack,
    on: bool,
    *,
    pods: Sequence[str] = (),
    strategy: Strategy | None = None,
    rolling: bool = False,
    progress: Progress,
    clock: Callable[[], float],
) -> Toggled:
    """Restart ``pods`` (none named: all) with USE_REDIS set, and wait until they are ready again.

    ``strategy``, where given, becomes their SESSION_STRATEGY. They restart side by side, or with ``rolling``
    one after the other, as in a step of a rollout. ``clock`` counts seconds. Raises UsageProblem for a pod
    that there is not, and for a user-provided service without such a switch.
    """
    status = stack.status()
    service = status.spec.service
    if service is not None and not service.switchable:
        raise UsageProblem(
            f"{service.title} has no switch between memory and Redis: devenv.toml says redis = false",
            hint="[service.redis] in its place says what switches it: docs/own-service.md",
        )
    names = _resolve(pods, [pod.name for pod in status.pods])
    settings: dict[str, str | None] = {"USE_REDIS": "true" if on else "false"}
    if strategy is not None:
        settings["SESSION_STRATEGY"] = str(strategy)
    started = clock()
    changes: dict[str, SettingChanges] = dict.fromkeys(names, settings)
    if rolling:
        restart_in_turn(stack, changes, progress)
    else:
        stack.restart_pods(changes, progress)
    words = status.spec.profile.switch.renamed(f"USE_REDIS={settings['USE_REDIS']}")
    return Toggled(
        tuple(names), words, stores_in_words(status), stores_in_words(stack.status()), clock() - started
    )


def _resolve(names: Sequence[str], pods: Sequence[str]) -> list[str]:
    named = []
    for word in names:
        pod = resolve_pod(word, pods)
        if pod is None:
            raise UsageProblem(f"no pod is called {word!r}", hint=f"the pods are {', '.join(pods)}")
        named.append(pod)
    return [pod for pod in pods if pod in named] if names else list(pods)

"""Pods added to and removed from a running stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.pod_numbers import changed_pods
from devenv.core.model.pod_stores import stores_in_words
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.stack.protocol import Progress, Stack


@dataclass(frozen=True, slots=True)
class Scaled:
    """What was added and removed."""

    before: tuple[str, ...]
    """The pods before it."""
    added: dict[str, str]
    """The pods that were started, each with its store in a word."""
    removed: dict[str, str]
    """The pods that were ended, each with its store in a word."""
    seconds: float
    status: StackStatus
    """The stack after it."""

    @property
    def after(self) -> tuple[str, ...]:
        """The pods after it."""
        return self.status.spec.pod_names

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "before": list(self.before),
            "after": list(self.after),
            "added": self.added,
            "removed": self.removed,
            "seconds": round(self.seconds, 2),
        }


def scale(
    stack: Stack,
    changes: Sequence[str],
    *,
    use_redis: bool | None = None,
    strategy: Strategy | None = None,
    policy: str | None = None,
    progress: Progress,
    clock: Callable[[], float],
) -> Scaled:
    """Have this many pods, or these (``changed_pods``), and wait until it is done.

    ``use_redis`` and ``strategy`` are of the added pods, None: as the stack has it. ``policy`` is the proxy's
    with these pods. Raises UsageProblem as ``changed_pods`` and ``Stack.set_pods``, and for settings where no
    pod is added.
    """
    before = stack.status()
    present = before.spec.pod_names
    wished = changed_pods(present, changes)
    added = [pod for pod in wished if pod not in present]
    settings = {
        **({} if use_redis is None else {"USE_REDIS": "true" if use_redis else "false"}),
        **({} if strategy is None else {"SESSION_STRATEGY": str(strategy)}),
    }
    if settings and not added:
        raise UsageProblem("a store is given, and no pod is added", hint="devenv toggle is for pods that run")
    service = before.spec.service
    if settings and service is not None and not service.switchable:
        raise UsageProblem(
            f"{service.title} has no switch between memory and Redis", hint="leave the store out"
        )
    started = clock()
    if wished != present or policy is not None:
        stack.set_pods(wished, dict.fromkeys(added, settings), policy, progress)
    after = stack.status()
    return Scaled(
        present,
        {pod: store for pod, store in stores_in_words(after).items() if pod not in present},
        {pod: store for pod, store in stores_in_words(before).items() if pod not in wished},
        clock() - started,
        after,
    )

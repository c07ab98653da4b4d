"""Pods restarted one after the other: a step of a rollout, and ``devenv toggle --rolling``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devenv.core.model.topology import SettingChanges
from devenv.stack.protocol import Progress, Stack


def _nothing(pod: str) -> None:
    """What happens before and after a restart where nothing was asked for."""


def restart_in_turn(
    stack: Stack,
    settings: Mapping[str, SettingChanges],
    progress: Progress,
    *,
    before: Callable[[str], None] = _nothing,
    after: Callable[[str], None] = _nothing,
) -> None:
    """Restart these pods with these settings, in this order: the next one when the last is ready again.

    ``before`` is called with a pod's name before it ends, ``after`` when it is ready. Raises as
    ``Stack.restart_pods`` and as these two do; the pods that come later are left as they are then.
    """
    for pod, changes in settings.items():
        before(pod)
        stack.restart_pods({pod: changes}, progress)
        after(pod)

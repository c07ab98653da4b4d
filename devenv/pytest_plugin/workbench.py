"""One running stack for many replays and explorations, each of which leaves it as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.explore.reporters import ProgressReporter
from devenv.verbs.explore.result import Exploration, ExploreOptions
from devenv.verbs.explore.usecase import PATIENT, explore_on
from devenv.verbs.explore.usecase import fits as fits_exploration
from devenv.verbs.explore.usecase import own_stack as own_exploration_stack
from devenv.verbs.operate.toggle import Toggled, toggle
from devenv.verbs.replay.baseline import changes_to, fits
from devenv.verbs.replay.store_choice import choose_store
from devenv.verbs.replay.target import resolve_target
from devenv.verbs.replay.usecase import Replayed, own_stack, replay_on

PodSettings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Workbench:
    """Replays and explores for tests. Nothing here may be called inside a running event loop."""

    stack: Stack
    """What it works on; what does not fit it (more pods, more workers) gets a stack of its own meanwhile."""
    settings: Settings
    """Runs go to its ``state_dir``."""
    progress: Progress

    def replay(self, word: str, strategy: Strategy | None = None, repeat: int | None = None) -> Replayed:
        """As ``devenv replay``; the store is the recorded run's, else the stack's. Raises as that does."""
        target = resolve_target(word, self.settings.state_dir)
        status = self.stack.status()
        given = strategy or target.strategy
        chosen = choose_store(target.scenario, given, status, status.spec.service)
        if fits(target.scenario, status) is None:
            return replay_on(self.stack, target, chosen, self.settings, repeat=repeat, progress=self.progress)
        chosen = replace(chosen, as_is=False)
        with own_stack(target.scenario, chosen.strategy, self.settings, self.progress) as stack:
            return replay_on(
                stack, target, chosen, self.settings, repeat=repeat, temporary=True, progress=self.progress
            )

    def explore(self, options: ExploreOptions) -> Exploration:
        """As ``devenv explore``, the pods having the wished store meanwhile. Raises as that does."""
        reporter = ProgressReporter(self.progress)
        if not fits_exploration(self.stack.status(), options):
            with own_exploration_stack(options, self.settings, self.progress) as stack:
                return explore_on(stack, options, self.settings, reporter)
        store = {"USE_REDIS": "true", "SESSION_STRATEGY": str(options.strategy), **PATIENT}
        with self._having(store) as status:
            return explore_on(status, options, self.settings, reporter)

    def toggle(
        self, on: bool, pods: Sequence[str] = (), strategy: Strategy | None = None, *, rolling: bool = False
    ) -> Toggle:
        """As ``devenv toggle``; the result has the way back."""
        before = _settings(self.stack.status())
        done = toggle(
            self.stack,
            on,
            pods=pods,
            strategy=strategy,
            rolling=rolling,
            progress=self.progress,
            clock=time.monotonic,
        )
        return Toggle(self, done, before)

    def reach(self, wanted: PodSettings) -> None:
        """Restart the pods whose settings differ from these."""
        if changes := changes_to(wanted, _settings(self.stack.status())):
            self.stack.restart_pods(changes, self.progress)

    @contextmanager
    def _having(self, settings: Mapping[str, str]) -> Iterator[StackStatus]:
        """With these settings over every pod's own, for the time of the block."""
        before = _settings(self.stack.status())
        try:
            self.reach({pod: {**settings_before, **settings} for pod, settings_before in before.items()})
            yield self.stack.status()
        finally:
            self.reach(before)


class Toggle:
    """A toggle that was done (``toggled``), and the way back: leaving its ``with`` block, or ``undo``."""

    def __init__(self, workbench: Workbench, toggled: Toggled, before: PodSettings) -> None:
        self.toggled = toggled
        self.entered = False
        self._workbench = workbench
        self._before = before

    def undo(self) -> None:
        """Restart the pods that it restarted with the settings that they had before."""
        self._workbench.reach({pod: self._before[pod] for pod in self.toggled.restarted})

    def __enter__(self) -> Self:
        self.entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


def _settings(status: StackStatus) -> dict[str, Mapping[str, str]]:
    return {pod.name: pod.settings for pod in status.pods}

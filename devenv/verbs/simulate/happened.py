"""What happens to the real stack while the sessions of a setting are played, and when it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devenv.core.model.errors import Inconclusive
from devenv.core.model.vocabulary import pod_names
from devenv.core.simulation.setting import PodRestart, Setting
from devenv.harness.runs.journal import JournaledStack
from devenv.verbs.operate.pods import signal_pod
from devenv.verbs.simulate.real_setting import crash_moments, pod_flags, spec_of

_BACK_SECONDS = 1.0


def _silent(line: str) -> None:
    """Progress that is not shown."""


class Happened:
    """Makes the events of ``setting`` happen to ``stack``; ``seed`` draws the moments of crashes."""

    def __init__(self, stack: JournaledStack, setting: Setting, seed: int) -> None:
        self._stack = stack
        self._setting = setting
        self._seed = seed
        self._begun = 0.0
        self._restarts: list[PodRestart] = []
        self._resized: float | None = None

    @property
    def seen(self) -> Setting:
        """The setting with what happened, at the moments at which it did.

        Raises Inconclusive where the pods were others only when all sessions had been opened.
        """
        setting = self._setting
        if setting.crash_every:
            setting = replace(setting, crash_every=0.0, restarts=tuple(self._restarts))
        if setting.resize is not None and self._resized is not None:
            if self._resized >= setting.window:
                raise Inconclusive(
                    f"the pods were added at {self._resized:.0f} s, and the last session was opened at "
                    f"{setting.window:.0f} s",
                    hint="more --pairs, or an earlier --resize at=",
                )
            setting = replace(setting, resize=replace(setting.resize, moment=self._resized))
        return setting

    def events(self) -> list[Coroutine[Any, Any, None]]:
        """One for each thing that happens; the time begins now."""
        self._begun = time.monotonic()
        setting = self._setting
        pods = spec_of(setting).pod_names
        coroutines: list[Coroutine[Any, Any, None]] = []
        if rolling := setting.rolling:
            flags = pod_flags(setting, on_redis=True) if rolling.to_redis else {}
            coroutines += [
                self._restart(pod, rolling.start + index * rolling.step, flags)
                for index, pod in enumerate(pods)
            ]
        for outage in setting.outages:
            coroutines.append(self._redis("pause", outage.start))
            coroutines.append(self._redis("resume", outage.start + outage.length))
        if setting.resize is not None:
            coroutines.append(self._resize(setting.resize.moment, setting.resize.pods))
        if setting.crash_every:
            coroutines += [self._crashes(index, pod) for index, pod in enumerate(pods)]
        return coroutines

    async def over(self, events: Sequence[asyncio.Task[None]]) -> None:
        """Nothing more is to happen: what waits is cancelled, what is under way ends first."""
        for event in events:
            event.cancel()
        await asyncio.gather(*events, return_exceptions=True)

    def _now(self) -> float:
        return time.monotonic() - self._begun

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._now()))

    async def _restart(self, pod: str, moment: float, flags: Mapping[str, str]) -> None:
        await self._until(moment)
        await asyncio.to_thread(self._stack.restart_pods, {pod: dict(flags)}, _silent)

    async def _redis(self, action: str, moment: float) -> None:
        await self._until(moment)
        await asyncio.to_thread(self._stack.redis, action)

    async def _resize(self, moment: float, pods: int) -> None:
        """A pod that is added serves when the call returns, one that is removed serves until it begins."""
        setting, names = self._setting, pod_names(pods)
        added = names[setting.pods :]
        flags = pod_flags(setting, on_redis=setting.redis_pods == setting.pods)
        await self._until(moment)
        began = self._now()
        await asyncio.to_thread(self._stack.set_pods, names, dict.fromkeys(added, flags), None, _silent)
        self._resized = self._now() if added else began

    async def _crashes(self, index: int, pod: str) -> None:
        for after in crash_moments(self._setting, index, self._seed):
            await asyncio.sleep(after)
            start, number = self._now(), len(self._restarts)
            # Should the sessions be over before it is back, it does not matter when it is.
            self._restarts.append(PodRestart(index, start, start + _BACK_SECONDS))
            await asyncio.to_thread(self._crash, pod)
            self._restarts[number] = PodRestart(index, start, self._now())

    def _crash(self, pod: str) -> None:
        signal_pod(self._stack, pod, "kill")
        self._stack.restart_pods({pod: {}}, _silent)

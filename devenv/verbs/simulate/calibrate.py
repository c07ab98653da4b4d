"""``--against-real``: the same setting on the real stack, and whether the prediction holds there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devenv.core.balancers import BalancerSetting, Server
from devenv.core.model.backends import Backend
from devenv.core.model.errors import Inconclusive
from devenv.core.model.topology import Endpoints
from devenv.core.model.verdict import passes
from devenv.core.simulation.intervals import Share, wilson
from devenv.core.simulation.run import Effort, Prediction, predict
from devenv.core.simulation.setting import Setting
from devenv.core.simulation.vector_routing import unsupported
from devenv.harness.client.session_load import (
    NOT_OPENED,
    Played,
    Retries,
    ScriptedSession,
    play_sessions,
)
from devenv.stack.balancers import running_balancer
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.simulate.happened import Happened
from devenv.verbs.simulate.randomness import Seeded
from devenv.verbs.simulate.real_setting import balancer_of, playable, script, spec_of
from devenv.wire.control.client import ControlClient

Z999 = 3.2905267314919255
"""Two-sided 99.9 %: a right prediction fails once in a thousand times."""
TOO_WIDE = 0.10
"""An interval of the measurement whose half is wider than this decides nothing."""
PREDICTED_SESSIONS = 1_000_000
EVENT_SESSIONS = 40_000
"""As many where the event engine must play."""
MOST_LATE = 1.0
"""Seconds; where a session was opened later than this, another setting was played than was asked for."""
_PROGRESS_EVERY = 100
_EXCHANGES = 1000
"""So many exchanges tell the time of an answer."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A prediction beside a measurement."""

    prediction: Prediction
    measured: Share
    """The share of lost sessions with its interval of 99.9 %."""
    played: Played
    where: str
    """What was measured: the stack, or a balancer."""

    @property
    def holds(self) -> bool | None:
        """Whether the measurement's interval and the prediction's meet; None where that tells nothing.

        That is so of too few sessions, and of a difference where the sessions came too late.
        """
        if self.measured.half_width > TOO_WIDE:
            return None
        predicted = self.prediction.share
        meet = self.measured.low <= predicted.high and predicted.low <= self.measured.high
        return None if not meet and self.too_late else meet

    @property
    def too_late(self) -> bool:
        """Whether the machine was too busy to open the sessions when it should have."""
        return self.played.late > MOST_LATE

    @property
    def verdict(self) -> str:
        """holds, fails, or inconclusive where nothing can be told."""
        wrong, open_question = self.holds is False, self.holds is None
        if passes(checked=self.played.sessions, failures=int(wrong), gaps=int(open_question)):
            return "holds"
        return "fails" if wrong else "inconclusive"

    @property
    def exit_code(self) -> int:
        """0, 1, or 3 where nothing can be told."""
        return {"holds": 0, "fails": 1}.get(self.verdict, Inconclusive.exit_code)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "prediction": self.prediction.to_json(),
            "measured": {
                "where": self.where,
                "sessions": self.played.sessions,
                "lost": self.played.lost,
                "share_lost": self.measured.to_json(),
                "endings": self.played.endings,
                "late_seconds": self.played.late,
                "answer_seconds": self.played.answer_time,
            },
            "difference": self.measured.value - self.prediction.share.value,
            "verdict": self.verdict,
        }


def calibrate(
    setting: Setting, pairs: int, seed: int, backend: Backend, state_dir: Path, progress: Progress
) -> Calibration:
    """Play ``pairs`` sessions of ``setting`` on a fresh stack, which ends afterwards, and predict it.

    Crashes and the change of the number of pods are predicted at the moments at which they came to be.

    Raises UsageProblem for a setting that the stack cannot play, Inconclusive where it opened no session.
    """
    playable(setting)
    setting = replace(setting, window=pairs / setting.rate)
    balancer = balancer_of(setting, backend)
    with fresh_stack(backend, state_dir, spec_of(setting), progress) as stack:
        sessions = script(setting, pairs, seed)
        happened = Happened(stack, setting, seed)
        played = asyncio.run(_play(stack, setting, balancer, sessions, happened, progress))
        if balancer is None:
            played = replace(played, answer_time=_pods_time(stack))
    where = f"the {backend} stack" + (f" behind {balancer.text}" if balancer is not None else "")
    return calibration(predicted(happened.seen, played, seed), played, where)


def _pods_time(stack: Stack) -> float:
    """The mean time in seconds of an exchange at the proxy, of the latest ones."""
    with ControlClient(stack.endpoints().control) as control:
        exchanges = control.exchanges(max(control.latest("exchanges") - _EXCHANGES, 0), _EXCHANGES)
    return sum(float(each["duration_ms"]) for each in exchanges) / max(len(exchanges), 1) / 1000


def predicted(setting: Setting, played: Played, seed: int) -> Prediction:
    """The prediction, with the measured time of a pod's answer where the requests under way matter."""
    if unsupported(setting) is None:
        return predict(setting, Seeded(seed), Effort(PREDICTED_SESSIONS))
    measured = replace(setting, service_time=played.answer_time)
    return predict(measured, Seeded(seed), Effort(EVENT_SESSIONS))


def calibration(prediction: Prediction, played: Played, where: str) -> Calibration:
    """The comparison. Raises Inconclusive where no session was opened."""
    if played.endings.get(NOT_OPENED, 0) == played.sessions:
        raise Inconclusive(f"{where} opened none of {played.sessions} sessions", hint="see `devenv logs`")
    return Calibration(prediction, wilson(played.lost, played.sessions, Z999), played, where)


async def _play(
    stack: Stack,
    setting: Setting,
    balancer: BalancerSetting | None,
    sessions: list[ScriptedSession],
    happened: Happened,
    progress: Progress,
) -> Played:
    def heard(done: int) -> None:
        if done % _PROGRESS_EVERY == 0:
            progress(f"{done} of {len(sessions)} sessions")

    keep_alive, retries = setting.keep_alive > 0, Retries(setting.retries, setting.retry_after)
    async with _entrance(stack, balancer) as url, asyncio.TaskGroup() as group:
        events = [group.create_task(coroutine) for coroutine in happened.events()]
        played = await play_sessions(url, sessions, keep_alive=keep_alive, retries=retries, progress=heard)
        await happened.over(events)
    return played


@asynccontextmanager
async def _entrance(stack: Stack, balancer: BalancerSetting | None) -> AsyncIterator[str]:
    """Where clients send their requests: the proxy, or a balancer that is started in front of the pods."""
    if balancer is None:
        yield stack.endpoints().traffic
        return
    async with running_balancer(balancer, servers_of(stack.endpoints())) as running:
        yield running.url


def servers_of(endpoints: Endpoints) -> list[Server]:
    """The pods as the servers of a balancer."""
    addresses = {pod: urlsplit(url) for pod, url in endpoints.pods.items()}
    return [Server(pod, str(url.hostname), url.port or 0) for pod, url in addresses.items()]

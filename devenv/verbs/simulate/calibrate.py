"""``--against-real``: the same setting on the real stack, and whether the prediction holds there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
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
from devenv.core.simulation.intervals import Share, design_effect, wilson
from devenv.core.simulation.run import Effort, Prediction, predict
from devenv.core.simulation.setting import Setting, Upstream
from devenv.core.simulation.vector_routing import unequal_workers, unsupported
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
from devenv.verbs.simulate.accepted import accepted
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
FEWEST_RUNS = 20
"""This many runs tell by how much they differ."""
MOST_LATE = 1.0
"""Seconds; where a session was opened later than this, another setting was played than was asked for."""
_PROGRESS_EVERY = 100
_MOST = {Upstream.KEPT: Upstream.APART, Upstream.NEW: Upstream.NEW}
"""What loses the most, for any shares of the workers: with new connections, equal ones (``same_process``)."""
_EXCHANGES = 1000
"""Read at a time."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A prediction beside a measurement."""

    prediction: Prediction
    measured: Share
    """The share of lost sessions with its interval of 99.9 %."""
    played: Played
    where: str
    """What was measured: the stack, or a balancer."""
    bounds: tuple[Share, Share] | None = None
    """Where it is not known which of several workers accepted a connection: the share if one worker of each
    pod accepted all of them, and the most that is lost. The prediction has each accept as many."""

    @property
    def holds(self) -> bool | None:
        """Whether the measurement's interval and the prediction's meet; None where that tells nothing."""
        return None if self.reason else self._meets(self.prediction.share)

    @property
    def reason(self) -> str:
        """Why nothing can be told, in plain words; empty where something can."""
        if self.measured.half_width > TOO_WIDE:
            few = "too few sessions to tell (--pairs allows more)"
            if self.bounds is None:
                return few
            return f"{few}: sessions share the workers' kept connections, so runs of one setting differ"
        if self._meets(self.prediction.share):
            return ""
        if self.too_late:
            late = self.played.late
            return f"the machine was too busy: a session was opened {late:.1f} s late (lower --rate)"
        if self.bounds is None or not self._meets(Share(0.0, self.bounds[0].low, self.bounds[1].high)):
            return ""
        least, most = (100 * bound.value for bound in self.bounds)
        return (
            "which worker accepts a connection is not predicted: the prediction has all accept equally many; "
            f"if one of each pod accepted all, {least:.1f} % of sessions would be lost, {most:.1f} % are the "
            "most, and the measurement lies between the two"
        )

    def _meets(self, share: Share) -> bool:
        return self.measured.low <= share.high and share.low <= self.measured.high

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
            "reason": self.reason or None,
            "bounds": None if self.bounds is None else [bound.to_json() for bound in self.bounds],
        }


def calibrate(
    setting: Setting, pairs: int, seed: int, backend: Backend, state_dir: Path, progress: Progress
) -> Calibration:
    """Play ``pairs`` sessions of ``setting`` on a fresh stack, which ends afterwards, and predict it.

    Crashes and the change of the number of pods are predicted at the moments at which they came to be, new
    connections to several workers with the shares of those that each has accepted.

    Raises UsageProblem for a setting that the stack cannot play, Inconclusive where it opened no session.
    """
    playable(setting)
    setting = replace(setting, window=pairs / setting.rate)
    balancer = balancer_of(setting, backend)
    with fresh_stack(backend, state_dir, spec_of(setting), progress) as stack:
        sessions = script(setting, pairs, seed)
        happened = Happened(stack, setting, seed)
        played = asyncio.run(_play(stack, setting, balancer, sessions, happened, progress))
        times = _answer_times(stack) if balancer is None else ()
        accepts = _accepted(stack, setting, played)
    where = f"the {backend} stack" + (f" behind {balancer.text}" if balancer is not None else "")
    setting = replace(happened.seen, accepts=accepts)
    bounds = None
    if setting.workers > 1 and not accepts:
        extremes = replace(setting, workers=1), replace(setting, upstream=_MOST[setting.upstream])
        least, most = (predicted(each, played, seed, times).share for each in extremes)
        bounds = least, most
    return calibration(predicted(setting, played, seed, times), played, where, bounds)


def _accepted(stack: Stack, setting: Setting, played: Played) -> tuple[float, ...]:
    """Which share of the connections each worker has accepted; empty where that is not seen.

    A kept connection is one worker's for many sessions, and pods in containers have no ports here.
    """
    pods = stack.endpoints().pods
    if setting.workers == 1 or unequal_workers(setting) or not pods:
        return ()
    opened = played.sessions - played.endings.get(NOT_OPENED, 0)
    return asyncio.run(accepted(pods, setting.workers, opened))


def _answer_times(stack: Stack) -> tuple[float, ...]:
    """The seconds of each exchange that the proxy still has on record, in the order in which they began."""
    exchanges: list[Mapping[str, Any]] = []
    with ControlClient(stack.endpoints().control) as control:
        latest, known = control.latest("exchanges"), 0
        while known < latest:
            more = control.exchanges(known, _EXCHANGES)
            if not more:
                break
            exchanges += more
            known = int(more[-1]["seq"])
    exchanges.sort(key=lambda exchange: float(exchange["started"]))
    return tuple(float(exchange["duration_ms"]) / 1000 for exchange in exchanges)


def predicted(setting: Setting, played: Played, seed: int, answer_times: Sequence[float] = ()) -> Prediction:
    """The prediction, with the measured times of answers where the requests under way matter.

    These are ``answer_times``, in the order of the requests, or else exponential with the mean of ``played``.
    It is then of runs of as many sessions as were played, each with fresh pods.
    """
    if unsupported(setting) is None:
        return predict(setting, Seeded(seed), Effort(PREDICTED_SESSIONS))
    measured = replace(setting, service_time=played.answer_time, answer_times=tuple(answer_times))
    sessions = max(EVENT_SESSIONS, FEWEST_RUNS * played.sessions)
    return predict(measured, Seeded(seed), Effort(sessions, run=played.sessions))


def calibration(
    prediction: Prediction, played: Played, where: str, bounds: tuple[Share, Share] | None = None
) -> Calibration:
    """The comparison; ``bounds`` as in ``Calibration``. Raises Inconclusive where no session was opened.

    Where the prediction was played in runs of as many sessions, the measurement's interval is wider by as
    much as the runs differ more than independent sessions would.
    """
    if played.endings.get(NOT_OPENED, 0) == played.sessions:
        raise Inconclusive(f"{where} opened none of {played.sessions} sessions", hint="see `devenv logs`")
    runs = [batch for batch in prediction.tally.batches if batch[1] == played.sessions]
    width = Z999 * math.sqrt(design_effect(runs))
    return Calibration(prediction, wilson(played.lost, played.sessions, width), played, where, bounds)


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

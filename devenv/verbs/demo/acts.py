"""The acts of the demo on a fresh stack: the bug on all three captchas, the fix, its race, and its cure.

Every number comes from requests through the proxy to running pods; nothing is assumed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self

from devenv.core.balance.measured import PatternResult
from devenv.core.model.key_listing import KeyInfo
from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import Answer, CaptchaType, Outcome, Strategy
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import Tally, TypeResult, run_cross_pod
from devenv.harness.client.recording import Recording
from devenv.harness.redis.keys import connected, list_keys
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import TraceCollector
from devenv.stack.protocol import Progress
from devenv.verbs.demo.patterns import not_as_expected, play_patterns
from devenv.verbs.demo.race import Race, run_race
from devenv.verbs.demo.setting import DEFAULT_TRIALS, FIRST_FIX
from devenv.verbs.explain.redis_arrows import with_commands
from devenv.verbs.operate.status import key_spaces
from devenv.verbs.operate.toggle import toggle

TYPES = tuple(CaptchaType)


class Verdict(StrEnum):
    """Whether every act went as expected: the bug was shown, and so was the fix."""

    HOLDS = "holds"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Act:
    """One setting of the pods, with trials, a race, or both."""

    use_redis: bool
    strategy: Strategy
    results: Mapping[CaptchaType, TypeResult]
    """How the trials ended."""
    picture: tuple[SequenceMessage, ...]
    """One create on one pod and one verify on another, or the race."""
    keys: tuple[KeyInfo, ...]
    """What Redis held after one challenge of each type was created, in acts without a race."""
    surprises: tuple[str, ...]
    """What was not as expected, a sentence each."""
    race: Race | None = None
    ended: float = 0.0
    """When its last request was answered, in seconds since the epoch."""
    patterns: tuple[PatternResult, ...] = ()
    """The sessions that the balancer in front lost, for each way in which clients connect."""
    balancer: str = ""
    """The balancer in front, as ``parse_balancer`` reads it; empty: the proxy."""

    @property
    def good(self) -> bool:
        """Whether no session was lost and no empty answer passed."""
        return self.use_redis and (self.race is None or not self.race.empty_passed)

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``acts[]`` of ``devenv demo --json``; every key is always there."""
        return {
            "use_redis": self.use_redis,
            "strategy": str(self.strategy),
            "results": {str(kind): result.to_json() for kind, result in self.results.items()},
            "keys": [key.to_json() for key in self.keys],
            "race": None if self.race is None else self.race.to_json(),
            "patterns": [pattern.to_json() for pattern in self.patterns],
            "surprises": list(self.surprises),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """A demo that ran to its end."""

    backend: str
    pods: tuple[str, ...]
    trials: int
    seed: int
    acts: tuple[Act, ...]
    redis_engine: str
    redis_version: str
    restart_seconds: float
    """How long the first restart of the pods took."""
    seconds: float
    recording: Recording
    balancer: str = ""
    """The balancer in front, as ``parse_balancer`` reads it; empty: the proxy."""

    @property
    def verdict(self) -> Verdict:
        """Holds where every act went as expected."""
        surprises = sum(len(act.surprises) for act in self.acts)
        return Verdict.HOLDS if passes(checked=len(self.acts), failures=surprises) else Verdict.FAILS

    @property
    def schedules(self) -> tuple[str, ...]:
        """The orders that the races were run in."""
        return tuple(act.race.schedule for act in self.acts if act.race is not None)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json`` and results.json."""
        return {
            "kind": "demo",
            "backend": self.backend,
            "pods": list(self.pods),
            "trials": self.trials,
            "seed": self.seed,
            "acts": [act.to_json() for act in self.acts],
            "redis": {"engine": self.redis_engine, "version": self.redis_version},
            "balancer": self.balancer or None,
            "restart_seconds": round(self.restart_seconds, 2),
            "verdict": str(self.verdict),
            "seconds": round(self.seconds, 2),
        }


class Observer(Protocol):
    """Is called as the acts run."""

    def opened(self, status: StackStatus) -> None:
        """The stack is up."""

    def act_begins(self, strategy: Strategy, race: bool) -> None:
        """The next trials, or with ``race`` the next race, are about to run."""

    def act_ended(self, act: Act) -> None:
        """An act's trials are through."""

    def restarted(self, strategy: Strategy, seconds: float) -> None:
        """The pods were restarted with another store."""


def run_acts(
    stack: JournaledStack,
    *,
    trials: int = DEFAULT_TRIALS,
    strategy: Strategy = FIRST_FIX,
    seed: int = 1,
    observer: Observer,
    progress: Progress,
    started: float,
    clock: Callable[[], float] = time.monotonic,
) -> Story:
    """Run the acts on ``stack``: at least two pods with USE_REDIS=false and the race's settings.

    Four acts: pod memory; Redis with the store ``strategy``; the guide's store when two answers cross; the
    atomic store when they do. The pods are restarted between acts with different stores. ``trials`` sequences
    per captcha type and kind. ``started`` is ``clock``'s reading from which ``seconds`` counts. Returns the
    story whether it went as expected or not.
    """
    status = stack.status()
    observer.opened(status)
    with _Acts(stack, trials, seed, Recording(), observer, progress, clock, status) as player:
        acts = (
            player.act(Strategy.MEMORY),
            player.act(strategy),
            player.act(Strategy.GUIDE, race=True, sequences=False),
            player.act(Strategy.ATOMIC, race=True),
        )
    return Story(
        backend=stack.backend,
        pods=status.spec.pod_names,
        trials=trials,
        seed=seed,
        acts=acts,
        redis_engine=status.redis_engine,
        redis_version=status.redis_version,
        restart_seconds=player.restarts[0],
        seconds=clock() - started,
        recording=player.recording,
        balancer=status.spec.balancer,
    )


class _Acts:
    """Plays acts one after the other; ``restarts`` is how many seconds each restart of the pods took.

    A context manager with one client for all acts: it asks the oracle about each picture only once.
    """

    def __init__(
        self,
        stack: JournaledStack,
        trials: int,
        seed: int,
        recording: Recording,
        observer: Observer,
        progress: Progress,
        clock: Callable[[], float],
        status: StackStatus,
    ) -> None:
        self.recording = recording
        self.restarts: list[float] = []
        self._stack, self._trials, self._seed = stack, trials, seed
        self._observer, self._progress, self._clock = observer, progress, clock
        self._status = status
        self._runner = asyncio.Runner()
        self._client = CaptchaClient(
            status.endpoints, seed=seed, recording=recording, profile=status.spec.profile
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runner:
            self._runner.run(self._client.aclose())

    def act(self, strategy: Strategy, *, race: bool = False, sequences: bool = True) -> Act:
        """One act with this store: the race, where asked for, then the trials."""
        self._reach(strategy)
        self._observer.act_begins(strategy, race)
        raced = run_race(self._stack, strategy, self.recording, seed=self._seed) if race else None
        results: Mapping[CaptchaType, TypeResult] = {}
        keys: tuple[KeyInfo, ...] = ()
        picture = () if raced is None else raced.picture
        unexpected = [] if raced is None else list(raced.surprises)
        use_redis = strategy is not Strategy.MEMORY
        if sequences:
            results, keys, session = self._runner.run(self._sequences(shown=raced is None))
            picture = picture or session
            unexpected += surprises(use_redis, results)
        patterns = self._patterns(raced)
        unexpected += not_as_expected(patterns, use_redis)
        act = Act(
            use_redis,
            strategy,
            results,
            picture,
            keys,
            tuple(unexpected),
            raced,
            time.time(),
            patterns,
            self._status.spec.balancer,
        )
        self._observer.act_ended(act)
        return act

    def _patterns(self, raced: Race | None) -> tuple[PatternResult, ...]:
        """What the balancer in front loses, in acts without a race."""
        if raced is not None or not self._status.spec.balancer:
            return ()
        self._progress(f"sessions through {self._status.spec.balancer}")
        return play_patterns(self._status, self._seed)

    def _reach(self, strategy: Strategy) -> None:
        """Restart the pods where they have another store."""
        if set(stores(self._status).values()) == {strategy}:
            return
        toggled = toggle(self._stack, True, strategy=strategy, progress=self._progress, clock=self._clock)
        self.restarts.append(toggled.seconds)
        self._status = self._stack.status()
        self._observer.restarted(strategy, toggled.seconds)

    async def _sequences(
        self, shown: bool
    ) -> tuple[Mapping[CaptchaType, TypeResult], tuple[KeyInfo, ...], tuple[SequenceMessage, ...]]:
        """The trials; where ``shown``, before them what Redis holds, and a picture of one session."""
        pods = self._status.spec.pod_names
        keys: tuple[KeyInfo, ...] = ()
        picture: tuple[SequenceMessage, ...] = ()
        if shown:
            for kind in TYPES:  # left unanswered, so that the keys can be read while the demo goes on
                await self._client.create(kind, pods[0])
            keys = self._keys()
            picture = await self._picture(pods)
        return await run_cross_pod(self._client, pods, TYPES, self._trials), keys, picture

    async def _picture(self, pods: Sequence[str]) -> tuple[SequenceMessage, ...]:
        """One session over two pods, with what Redis holds of it in between."""
        client, recorded = self._client, self.recording
        collector = TraceCollector(self._stack)
        begin, begin_ids = len(recorded.messages), len(recorded.request_ids)
        challenge = await client.create(CaptchaType.ABSTRACT, pods[0])
        keys = [key for key in self._keys() if challenge.id and challenge.id in key.key]
        if keys:
            left = "no TTL" if keys[0].ttl is None else f"TTL {keys[0].ttl:.0f} s"
            recorded.note(time.time(), "redis", f"holds it, {left}")
        else:
            recorded.note(time.time(), pods[0], "kept in this pod's memory")
        submission = await client.answers.to(challenge, Answer.RIGHT)
        await client.verify(challenge, submission, pods[1], answer=Answer.RIGHT)
        trace = collector.trace(recorded.request_ids[begin_ids:])
        return tuple(with_commands(recorded.messages[begin:], trace))

    def _keys(self) -> tuple[KeyInfo, ...]:
        keys: list[KeyInfo] = []
        for prefix, db in key_spaces(self._status):
            with connected(self._status.endpoints, db) as redis:
                keys += list_keys(redis, prefix).keys
        return tuple(keys)


def surprises(use_redis: bool, results: Mapping[CaptchaType, TypeResult]) -> list[str]:
    """What of ``results`` is not as expected, a sentence each.

    On one pod a right answer always passes. On another pod it passes with Redis; from pod memory it is not
    found, and handwriting is judged against the other pod's word.
    """
    unexpected = []
    for kind, result in results.items():
        lost = Outcome.WRONG if kind is CaptchaType.HANDWRITING else Outcome.NOT_FOUND
        expected = Outcome.SUCCESS if use_redis else lost
        for name, tally, wanted in (
            ("cross-pod", result.cross_pod, expected),
            ("same-pod", result.same_pod, Outcome.SUCCESS),
        ):
            if tally is not None and count(tally, wanted) != tally.trials:
                seen = ", ".join(
                    f"{n} {name}" for name, n in tally.to_json().items() if n and name != "trials"
                )
                unexpected.append(f"{kind} {name}: expected {tally.trials} {wanted}, saw {seen or 'nothing'}")
    return unexpected


def count(tally: Tally, outcome: Outcome) -> int:
    """How many of the tally's verifies ended in ``outcome``."""
    return int(tally.to_json()[str(outcome)])

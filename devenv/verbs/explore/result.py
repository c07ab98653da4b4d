"""What is asked of an exploration, and what came of it, also for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from devenv.core.model.durations import seconds_of
from devenv.core.model.errors import UsageProblem
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import REDIS_STORES, CaptchaType, Strategy
from devenv.core.render.junit import Case, Problem, ProblemKind, Suite
from devenv.core.search.expression import Meeting, parse_meeting
from devenv.core.search.outcome import Outcome


class Mode(StrEnum):
    """How orders are tried."""

    LEARNED = "learned"
    DIRECT = "direct"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class ExploreOptions:
    """An exploration.

    Raises UsageProblem for a wrong expression and for a store without Redis.
    """

    scenario: str
    strategy: Strategy
    mode: Mode = Mode.LEARNED
    events: tuple[str, ...] = ()
    walks: int = 1000
    """How many runs mode random makes."""
    preemptions: int | None = None
    """The most preemptions of a run (mode learned); None: no limit."""
    budget_traces: int | None = None
    """None: until it is complete."""
    budget_seconds: float | None = None
    """None: until it is complete."""
    pods: int | None = None
    """None: one for each request."""
    lanes: int = 12
    """Challenges that are worked on at a time."""
    replays: int = 3
    """How often each violation's schedule is run on the real stack."""
    kind: CaptchaType = CaptchaType.ABSTRACT
    """The type of challenge."""
    meeting: Meeting = field(init=False)
    """What ``scenario`` and ``events`` say, parsed once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "meeting", parse_meeting(self.scenario, self.events))
        if self.strategy not in REDIS_STORES:
            raise UsageProblem(
                f"{self.strategy} keeps nothing in Redis: there is no order to explore",
                hint=", ".join(REDIS_STORES),
            )


LIMIT_NOT_KNOWN = (
    "profile.limit is not set: whether a wrong answer ends the session, and how attempts are counted, was "
    "not judged"
)


def nothing_graded(outcome: Outcome) -> str:
    """Why an exploration in which no answer was graded is no pass; ``outcome``: an end of it."""
    answer = outcome.answers[0]
    shown = f"HTTP {answer.status} {answer.body[:80]}"
    return (
        f"no answer was graded (the first: {shown}), so nothing was judged by answers: [[profile.success]], "
        "wrong and not-found in devenv.toml hold for none of them"
    )


KIND = "explore"
"""What results.json says of an exploration, beside replay and demo."""
INTERRUPTED = "interrupted"
"""Why something was not done: Ctrl-C."""


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step of a schedule: who (a request's name, empty for an event), what, and the reply in short."""

    who: str
    what: str
    reply: str | None


@dataclass(frozen=True, slots=True)
class ExploredViolation:
    """One kind of violation with its shortest schedule."""

    kind: str
    sentence: str
    requests: tuple[str, ...]
    """The letters that are needed for it."""
    schedule: str
    steps: tuple[ShownStep, ...]
    traces: int | None
    """How many traces show it; None: not counted."""
    confirmed: bool
    """Whether the schedule showed it on the real stack."""
    replayed: int
    """How many of ``replays`` runs went the same way."""
    replays: int
    scenario_file: str | None = None
    reproduce: str | None = None
    why: str | None = None
    """Why it could not be run there."""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The schedule for people, a pair for each turn: who, and their commands with the replies."""
        turns: list[tuple[str, list[str]]] = []
        for step in self.steps:
            who = step.who or "·"
            reply = "" if step.reply is None or step.reply.startswith(("{", "[")) else f"={step.reply}"
            if not turns or turns[-1][0] != who:
                turns.append((who, []))
            turns[-1][1].append(step.what + reply)
        return [(who, " ".join(steps)) for who, steps in turns]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            **asdict(self),
            "requests": list(self.requests),
            "steps": [asdict(step) for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Exploration:
    """The result of an exploration."""

    scenario: str
    strategy: Strategy
    mode: str
    complete: bool
    """Whether every trace was searched."""
    traces: int | None
    """None: not counted, there are too many or the search ended early."""
    blocked: int
    violations: tuple[ExploredViolation, ...]
    requests: int
    """How many were sent to real pods."""
    seconds: float
    outcomes: int | None
    """In how many ways it ended; None: not counted, all that can come of it was bounded instead."""
    incomplete: str | None = None
    """Why it is not complete."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """The seconds of learning, searching, confirming."""
    run_id: str | None = None
    engine: str = ""
    challenge: str = str(CaptchaType.ABSTRACT)
    """Its type; of a user-provided service the profile's name."""
    service: str | None = None
    """The name of a user-provided service, which has a store of its own; else None."""
    limit_known: bool = True
    """Whether it is known how many graded answers a session takes."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not judged, and how to have it judged."""
        return () if self.limit_known else (LIMIT_NOT_KNOWN,)

    @property
    def store(self) -> str:
        """Whose sessions these were, in words."""
        return f"the {self.strategy} store" if self.service is None else self.service

    @property
    def exit_code(self) -> int:
        """1: violations; 3: none, but not all was seen, or one could not be confirmed; 0: none."""
        if any(violation.confirmed for violation in self.violations):
            return 1
        return 0 if self.holds else 3

    @property
    def holds(self) -> bool:
        """Whether every order was tried and none violates anything."""
        checked = 1 if self.outcomes is None else self.outcomes
        return passes(checked=checked, failures=len(self.violations), gaps=int(not self.complete))

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search or what follows it."""
        return self.incomplete == INTERRUPTED or any(
            violation.why == INTERRUPTED for violation in self.violations
        )

    @property
    def unit(self) -> str:
        """What ``traces`` counts: runs by chance may be the same trace again."""
        return "runs" if self.mode == Mode.RANDOM else "traces"

    @property
    def count(self) -> str:
        """How many traces were searched, in words."""
        if self.outcomes is None:
            return f"orders ({self.unit} and ends not counted)"
        if self.traces is None:
            ends = f"{self.outcomes:,} end{'s' * (self.outcomes != 1)}".replace(",", " ")
            return f"orders that come to {ends} ({self.unit} not counted)"
        return f"{self.traces:,} {self.unit if self.traces != 1 else self.unit[:-1]}".replace(",", " ")

    def share(self, violation: ExploredViolation) -> str:
        """In how many of the traces a violation was met, in words."""
        if self.traces is None or violation.traces is None:
            return f"{self.unit} not counted"
        return f"in {violation.traces} of {self.traces} {self.unit}"

    @property
    def verdict(self) -> str:
        """In one line."""
        if self.exit_code == 1:
            kinds = len(self.violations)
            return f"{kinds} kind{'s' * (kinds != 1)} of violation in {self.count}"
        if self.exit_code == 0:
            return f"no violation in {'all ' * (self.traces != 1)}{self.count}"
        reason = self.incomplete or "a violation was not confirmed on real pods"
        return f"inconclusive after {self.count}: {reason}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": KIND,
            "scenario": self.scenario,
            "challenge": self.challenge,
            "strategy": str(self.strategy),
            "service": self.service,
            "mode": self.mode,
            "complete": self.complete,
            "traces": self.traces,
            "blocked": self.blocked,
            "outcomes": self.outcomes,
            "violations": [violation.to_json() for violation in self.violations],
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "stages": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "incomplete": self.incomplete,
            "notes": list(self.notes),
            "engine": self.engine,
            "run": self.run_id,
            "verdict": self.verdict,
        }


def parse_budget(text: str) -> tuple[int | None, float | None]:
    """``1000`` traces, or ``30s``, ``5m`` in seconds; nothing for "". Raises UsageProblem."""
    if not text:
        return None, None
    traces = int(text) if text.strip().isdecimal() else None
    seconds = seconds_of(text) if traces is None else None
    if traces is None and seconds is None:
        raise UsageProblem(
            f"--budget {text!r} is neither a number of traces nor a time", hint="1000, 30s, 5m"
        )
    if not (traces or seconds):
        raise UsageProblem(f"--budget {text!r}: nothing could be tried", hint="1000, 30s, 5m")
    return traces, seconds


def junit_suite(exploration: Exploration) -> Suite:
    """An exploration as a suite of JUnit XML: one case; inconclusive is an error, never a pass."""
    name = f"{exploration.scenario}[{exploration.strategy}]"
    texts = [_junit_text(violation) for violation in exploration.violations]
    return suite_of(name, "devenv.core.search", exploration, texts)


class Judged(Protocol):
    """What a suite is made of, besides names and violations."""

    @property
    def exit_code(self) -> int: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102


def suite_of(name: str, engine: str, judged: Judged, violations: Sequence[str]) -> Suite:
    """One case ``name`` of the engine's module: exit code 1 is a failure, any other but 0 an error."""
    kinds: dict[int, ProblemKind | None] = {0: None, 1: "failure"}
    kind = kinds.get(judged.exit_code, "error")
    problems = () if kind is None else (Problem(kind, judged.verdict, "\n".join(violations)),)
    return Suite(f"explore {name}", (Case(name, engine, problems, judged.seconds),), judged.seconds)


def _junit_text(violation: ExploredViolation) -> str:
    if violation.confirmed:
        last = f"Reproduce with: {violation.reproduce}"
    else:
        last = f"not confirmed on real pods: {violation.why}"
    return f"{violation.kind}: {violation.sentence}\n  {violation.schedule}\n  {last}"


def shown_path(path: Path) -> str:
    """A file as a command names it: from the current folder where that is above it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

"""The result of a replay, and its forms for machines: JSON and JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from devenv.core.model.events import TraceEvent
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import Case, Problem, Suite
from devenv.core.scenario import Scenario, Together, expected_of
from devenv.core.scenario.expect import written_for
from devenv.harness.client.recording import Recording
from devenv.verbs.replay.again import command
from devenv.verbs.replay.judgement import Judgement, PlayViolation
from devenv.verbs.replay.observed import Observed, title

Verdict = Literal["holds", "fails", "not checked", "inconclusive"]


@dataclass(frozen=True, slots=True)
class ExpectationFailure:
    """One expectation of the scenario that did not hold: a deviation from what it says of the store."""

    repeat: int
    """The play, from 1."""
    step: int
    """From 1."""
    line: int
    """The step's line in the scenario's file."""
    do: str
    """The step in words."""
    sentence: str
    """What was expected, and what was observed."""

    def __str__(self) -> str:
        return f"repeat {self.repeat}, step {self.step} (line {self.line}, {self.do}): {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "repeat": self.repeat,
            "step": self.step,
            "line": self.line,
            "do": self.do,
            "told": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A scenario played several times with one store."""

    scenario: Scenario
    strategy: Strategy
    plays: tuple[tuple[Observed, ...], ...]
    """Every repeat's observations."""
    seconds: tuple[float, ...]
    """How long each repeat took."""
    recording: Recording
    """Of the play ``shown_play``."""
    run_id: str | None = None
    store_name: str = ""
    """What the store is called where that is not the strategy: a user-provided service's, or each pod's."""
    measured: bool = True
    """Whether what the scenario expects of ``strategy`` was checked."""
    judgement: Judgement = field(default_factory=Judgement)
    """What the invariants and the specification say of the plays."""
    options: tuple[str, ...] = ()
    """Of the command that does it again: what of the stack and the play is not the default."""
    trace: tuple[TraceEvent, ...] = field(default=(), compare=False, repr=False)
    """Of all plays, as trace.jsonl has it; empty where nothing was written."""

    @property
    def repeat(self) -> int:
        """How often it was played."""
        return len(self.plays)

    @property
    def shown_play(self) -> int:
        """The first play that deviates or did not go as written, from 0; the first where none does."""
        telling = (
            any(
                step.deviations or step.prevented or step.order_not_met or step.idle_rule or step.not_serial
                for step in play
            )
            for play in self.plays
        )
        return next((number for number, tells in enumerate(telling) if tells), 0)

    @property
    def deviations(self) -> tuple[ExpectationFailure, ...]:
        """Every expectation of the scenario that did not hold, in order."""
        return self._failures_of(lambda step: step.deviations)

    def _failures_of(self, sentences: Callable[[Observed], Sequence[str]]) -> tuple[ExpectationFailure, ...]:
        return tuple(
            ExpectationFailure(repeat, step.number, step.line, step.title, sentence)
            for repeat, play in enumerate(self.plays, start=1)
            for step in play
            for sentence in sentences(step)
        )

    @property
    def violations(self) -> tuple[PlayViolation, ...]:
        """What the invariants and the specification say is wrong, whatever the scenario expects."""
        return self.judgement.violations

    @property
    def orders_not_met(self) -> tuple[str, ...]:
        """Why orders of Redis commands were not met, each reason once."""
        reasons = (step.order_not_met for play in self.plays for step in play)
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))

    @property
    def idle_rules(self) -> tuple[str, ...]:
        """Which rules of the gate met no command, so that nothing was disturbed, each once."""
        reasons = (step.idle_rule for play in self.plays for step in play)
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))

    @property
    def not_judged(self) -> tuple[str, ...]:
        """Why a play that the invariants judge could not be judged, each reason once."""
        if not self.by_invariants:
            return ()
        prevented = self._failures_of(lambda step: step.prevented)
        return tuple(dict.fromkeys((*map(str, prevented), *self.judgement.not_judged)))

    @property
    def written(self) -> tuple[int, ...]:
        """The numbers of the steps, from 1, of which the scenario's file expects something here."""
        return tuple(
            number
            for number, step in enumerate(self.scenario.steps, start=1)
            if written_for(step, self.strategy, self.scenario, measured=self.measured)
        )

    @property
    def left_out(self) -> tuple[int, ...]:
        """The numbers of the steps whose expectations are about other stores only: they are not judged.

        Empty where it is measured against a store that the scenario is written for: a step that does not name
        the store is not checked with it.
        """
        expecting = (
            number
            for number, step in enumerate(self.scenario.steps, start=1)
            if getattr(step, "expect", None) and number not in self.written
        )
        return () if self.measured and self.written else tuple(expecting)

    @property
    def by_invariants(self) -> bool:
        """Whether the invariants and the specification decide too: the file does not say what a store does.

        So it is where the play is measured against no store, and where the file expects nothing at any step.
        """
        expects_nothing = self.scenario.note(self.strategy) is not None and not self.written
        return not self.measured or expects_nothing

    @property
    def judged(self) -> bool:
        """Whether anything was judged: an expectation of the file, or sessions by the invariants."""
        steps = self.scenario.steps
        sequences = any(isinstance(step, Together) and step.sequences for step in steps)
        return bool(self.written) or (self.by_invariants and (bool(self.scenario.sessions) or sequences))

    @property
    def verdict(self) -> Verdict:
        """``holds`` where what happened is what the scenario expects of this store, each time.

        Where it is not measured against a store: what it expects of every store, and nothing violates the
        invariants and the specification. ``inconclusive``: an order was not met, a rule of the gate met no
        command, or something could not be judged. ``not checked``: nothing was judged.
        """
        if self.orders_not_met or self.idle_rules:
            return "inconclusive"
        if not self.judged:
            return "not checked"
        failed = len(self.failed)
        if passes(checked=self.repeat, failures=failed, gaps=len(self.not_judged)):
            return "holds"
        return "fails" if failed else "inconclusive"

    @property
    def failed(self) -> tuple[ExpectationFailure | PlayViolation, ...]:
        """What the verdict ``fails`` rests on."""
        return (*self.deviations, *(self.violations if self.by_invariants else ()))

    @property
    def failures(self) -> tuple[str, ...]:
        """What the verdict ``fails`` or ``inconclusive`` rests on, a sentence each."""
        if self.orders_not_met or self.idle_rules:
            unmet = tuple(f"the order was not met: {reason}" for reason in self.orders_not_met)
            return (*unmet, *self.idle_rules)
        return tuple(map(str, self.failed)) or self.not_judged

    @property
    def identical(self) -> bool:
        """Whether every repeat went the same way, challenge ids and times aside."""
        return len(self._ways()) == 1

    @property
    def bug(self) -> bool:
        """Whether the scenario calls what this store does the bug."""
        note = self.scenario.note(self.strategy)
        return self.measured and note is not None and note.bug

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The ways it went, the most frequent first, each with how often (``count``)."""
        return [{"count": count, "steps": json.loads(way)} for way, count in self._ways().most_common()]

    @property
    def schedules(self) -> tuple[str, ...]:
        """The orders that were run, in the order of the steps: of the play that ``recording`` is of."""
        play = self.plays[self.shown_play]
        return tuple(step.shown["schedule"] for step in play if "schedule" in step.shown)

    @property
    def expected(self) -> dict[str, Any]:
        """What the scenario expects of this store: in one sentence, and step by step."""
        steps = []
        for number, step in enumerate(self.scenario.steps, start=1):
            if checks := expected_of(step, self.strategy, self.scenario, measured=self.measured):
                steps.append({"step": number, "do": title(step, answered=self.scenario.answered), **checks})
        note = self.scenario.note(self.strategy) if self.measured else None
        return {"shows": note.shows if note is not None else None, "bug": self.bug, "steps": steps}

    @property
    def command(self) -> str:
        """The command that does it again."""
        return self.command_for(self.run_id or self.scenario.id, known_store=self.run_id is not None)

    def command_for(self, word: str, *, known_store: bool = False) -> str:
        """The command that plays ``word`` as this was played.

        ``known_store``: ``word`` says where the sessions were, as a run does.
        """
        named = self.measured and not (known_store and self.store_name)
        store = ("--strategy", str(self.strategy)) if named else ()
        times = ("--repeat", str(self.repeat)) if self.repeat > 1 else ()
        return command("devenv", "replay", word, *store, *times, *self.options)

    @property
    def store(self) -> str:
        """Where the sessions were, in a word."""
        return self.store_name or str(self.strategy)

    def to_json(self) -> dict[str, Any]:
        """A plain dict; what ``devenv replay --json`` prints and results.json holds."""
        return {
            "kind": "replay",
            "scenario": self.scenario.id,
            "title": self.scenario.title,
            "cause": self.scenario.cause,
            "shipped": self.scenario.shipped,
            "strategy": str(self.strategy) if self.measured else None,
            "store": self.store,
            "repeat": self.repeat,
            "identical": self.identical,
            "outcomes": self.outcomes,
            "schedules": list(self.schedules),
            "violations": [violation.to_json() for violation in self.violations],
            "deviations": [deviation.to_json() for deviation in self.deviations],
            "orders_not_met": list(self.orders_not_met),
            "idle_rules": list(self.idle_rules),
            "not_judged": list(self.not_judged),
            "expectations_judged": list(self.written),
            "expectations_not_judged": list(self.left_out),
            "expected": self.expected,
            "verdict": self.verdict,
            "seconds": round(sum(self.seconds), 3),
            "run": self.run_id,
            "command": self.command,
        }

    def _ways(self) -> Counter[str]:
        plays = ([step.to_json() for step in play] for play in self.plays)
        return Counter(json.dumps(play, sort_keys=True, ensure_ascii=False) for play in plays)


def junit_suite(result: ReplayResult) -> Suite:
    """A result as a suite of JUnit XML: a case per repeat.

    With a store that the scenario says nothing about, and where the result is inconclusive, a case is an
    error: that is no pass.
    """
    name = f"{result.scenario.id}[{result.store}]"
    cases = [
        Case(f"{name} repeat {repeat}", result.scenario.id, _problems(result, repeat), seconds)
        for repeat, seconds in enumerate(result.seconds, start=1)
    ]
    return Suite(name, cases, sum(result.seconds))


def _problems(result: ReplayResult, repeat: int) -> tuple[Problem, ...]:
    if result.verdict in ("not checked", "inconclusive"):
        reasons = result.failures or ("nothing was judged",)
        return (Problem("error", reasons[0], "\n".join(reasons)),)
    failures = [str(failure) for failure in result.failed if failure.repeat == repeat]
    return (Problem("failure", failures[0], "\n".join(failures)),) if failures else ()

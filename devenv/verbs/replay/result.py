"""What a replay found, and its forms for machines: JSON and JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import Case, Problem, Suite
from devenv.core.scenario import Scenario
from devenv.harness.client.recording import Recording
from devenv.verbs.replay.observed import Observed, expected_of, title

Verdict = Literal["holds", "fails", "not checked"]


@dataclass(frozen=True, slots=True)
class ExpectationFailure:
    """One expectation that did not hold: in which repeat and step (both from 1), and the file's line."""

    repeat: int
    step: int
    line: int
    do: str
    told: str

    def __str__(self) -> str:
        return f"repeat {self.repeat}, step {self.step} (line {self.line}, {self.do}): {self.told}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"repeat": self.repeat, "step": self.step, "line": self.line, "do": self.do, "told": self.told}


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A scenario played ``repeat`` times with one store.

    ``plays`` has every repeat's observations, ``seconds`` how long each took. ``recording`` is that of the
    first repeat that violated an expectation, else of the first. ``own``: the word for
    the store of somebody's own service.
    """

    scenario: Scenario
    strategy: Strategy
    plays: tuple[tuple[Observed, ...], ...]
    seconds: tuple[float, ...]
    recording: Recording
    run_id: str | None = None
    own: str = ""

    @property
    def repeat(self) -> int:
        """How often it was played."""
        return len(self.plays)

    @property
    def violations(self) -> tuple[ExpectationFailure, ...]:
        """Every expectation that did not hold, in order."""
        return tuple(
            ExpectationFailure(repeat, step.number, step.line, step.title, told)
            for repeat, play in enumerate(self.plays, start=1)
            for step in play
            for told in step.told
        )

    @property
    def verdict(self) -> Verdict:
        """``holds`` where what happened is what the scenario expects of this store, each time."""
        if self.scenario.note(self.strategy) is None:
            return "not checked"
        return "fails" if self.violations else "holds"

    @property
    def identical(self) -> bool:
        """Whether every repeat went the same way, challenge ids and times aside."""
        return len(self._ways()) == 1

    @property
    def bug(self) -> bool:
        """Whether the scenario calls what this store does the bug."""
        note = self.scenario.note(self.strategy)
        return note is not None and note.bug

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The ways it went, the most frequent first, each with how often (``count``)."""
        return [{"count": count, "steps": json.loads(way)} for way, count in self._ways().most_common()]

    @property
    def schedules(self) -> tuple[str, ...]:
        """The orders that were run, in the order of the steps: of the play that ``recording`` is of."""
        told = [any(step.told for step in play) for play in self.plays]
        play = self.plays[told.index(True) if any(told) else 0]
        return tuple(step.shown["schedule"] for step in play if "schedule" in step.shown)

    @property
    def expected(self) -> dict[str, Any]:
        """What the scenario expects of this store: in one sentence, and step by step."""
        steps = []
        for number, step in enumerate(self.scenario.steps, start=1):
            if checks := expected_of(step, self.strategy, self.scenario):
                steps.append({"step": number, "do": title(step), **checks})
        note = self.scenario.note(self.strategy)
        return {"shows": note.shows if note is not None else None, "bug": self.bug, "steps": steps}

    @property
    def command(self) -> str:
        """The command that does it again."""
        times = f" --repeat {self.repeat}" if self.repeat > 1 else ""
        if self.own and self.run_id is not None:  # a run knows where the sessions were
            return f"devenv replay {self.run_id}{times}"
        return f"devenv replay {self.run_id or self.scenario.id} --strategy {self.strategy}{times}"

    @property
    def store(self) -> str:
        """Where the sessions were, in a word."""
        return self.own or str(self.strategy)

    def to_json(self) -> dict[str, Any]:
        """A plain dict; what ``devenv replay --json`` prints and results.json holds."""
        return {
            "kind": "replay",
            "scenario": self.scenario.id,
            "title": self.scenario.title,
            "cause": self.scenario.cause,
            "strategy": str(self.strategy),
            "repeat": self.repeat,
            "identical": self.identical,
            "outcomes": self.outcomes,
            "schedules": list(self.schedules),
            "violations": [violation.to_json() for violation in self.violations],
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

    With a store that the scenario says nothing about a case is an error: not checked is no pass.
    """
    name = f"{result.scenario.id}[{result.store}]"
    cases = [
        Case(f"{name} repeat {repeat}", result.scenario.id, _problems(result, repeat), seconds)
        for repeat, seconds in enumerate(result.seconds, start=1)
    ]
    return Suite(name, cases, sum(result.seconds))


def _problems(result: ReplayResult, repeat: int) -> tuple[Problem, ...]:
    if result.verdict == "not checked":
        return (Problem("error", f"nothing is said about the {result.store} store"),)
    failures = [str(failure) for failure in result.violations if failure.repeat == repeat]
    return (Problem("failure", failures[0], "\n".join(failures)),) if failures else ()

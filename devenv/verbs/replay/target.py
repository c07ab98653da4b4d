"""What ``devenv replay WORD`` means: a scenario file, a shipped scenario, or a recorded run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import Schedule
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, catalogue, find, parse
from devenv.harness.runs.folders import LATEST, RESULTS, SCHEDULE, Run, list_runs, resolve_run
from devenv.stack.files import read_text

SCENARIO_COPY = "scenario.yaml"
"""A replay's run folder keeps the scenario's text, so that it can be repeated when the file has changed."""


@dataclass(frozen=True, slots=True)
class Target:
    """A scenario to replay, or a recorded run of one."""

    scenario: Scenario
    strategy: Strategy | None = None
    """The store of the recorded run; None of a scenario."""
    repeat: int | None = None
    """How often the recorded run was played; None of a scenario."""
    schedules: tuple[Schedule, ...] = ()
    """The orders of the recorded run."""


def resolve_target(word: str, state_dir: Path) -> Target:
    """Find what ``word`` names, in this order: a file, a shipped scenario, a run (id, its beginning, latest).

    Raises UsageProblem where it names nothing, or a file or run that cannot be replayed.
    """
    path = Path(word)
    if path.is_file():
        return Target(read_scenario(path))
    if word in [scenario.id for scenario in catalogue()]:
        return Target(find(word))
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise UsageProblem(f"no scenario file {word}")
    if word == LATEST or any(run.id.startswith(word) for run in list_runs(state_dir)):
        return _recorded(resolve_run(state_dir, word))
    return Target(find(word))


def read_scenario(path: Path) -> Scenario:
    """Parse a scenario file; UsageProblem names file and line."""
    return parse(read_text(path), path.name)


def _recorded(run: Run) -> Target:
    results = run.read_json(RESULTS)
    copy = run.folder / SCENARIO_COPY
    if results.get("kind") != "replay" or not copy.is_file():
        raise UsageProblem(
            f"run {run.id} is no replay of a scenario", hint="'devenv scenarios' lists scenarios"
        )
    scenario = replace(read_scenario(copy), shipped=results.get("shipped") is True)
    return Target(scenario, _strategy(results), results.get("repeat"), _schedules(run))


def _schedules(run: Run) -> tuple[Schedule, ...]:
    """The orders that the run followed, one a line of its schedule.txt."""
    try:
        text = (run.folder / SCHEDULE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(Schedule.parse(line) for line in text.splitlines() if line.strip())


def _strategy(results: dict[str, Any]) -> Strategy | None:
    word = results.get("strategy")
    return Strategy(word) if word in set(Strategy) else None

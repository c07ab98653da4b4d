"""The bug ledger: every shipped scenario, with every store that it says something about, on real pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from devenv.core.vocabulary import Strategy
from devenv.lab.ledger import answers
from devenv.lab.replay import Replayer, ReplayResult, wished_spec
from devenv.scenario import Scenario, catalogue
from tests.bugs.conftest import StackFor

Run = tuple[Scenario, Strategy]
RUNS: list[Run] = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]
LEDGER = json.loads(Path(__file__).parents[2].joinpath("docs", "failures.json").read_text(encoding="utf-8"))
BY_CHANCE = ("many-workers",)
"""Which worker accepts a connection is the kernel's choice."""
Results = dict[tuple[str, Strategy], ReplayResult | Exception]


@pytest.fixture(scope="session")
def results(stack_for: StackFor, request: pytest.FixtureRequest) -> Results:
    """All that was asked for, in the order that needs the fewest stacks and restarts of pods."""
    asked: list[dict[str, Any]] = [
        dict(item.callspec.params)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_happens_as_the_catalogue_says"
    ]
    runs: list[Run] = [(params["scenario"], params["strategy"]) for params in asked]
    found: Results = {}
    for workers in sorted({scenario.stack.workers for scenario, _ in runs}):
        some = [run for run in runs if run[0].stack.workers == workers]
        pods = max(scenario.stack.pods for scenario, _ in some)
        with Replayer(stack_for(pods, workers)) as replayer:
            for scenario, strategy in sorted(some, key=_settings):
                try:
                    found[scenario.id, strategy] = replayer.run(scenario, strategy)
                except Exception as error:
                    found[scenario.id, strategy] = error
    return found


def _settings(run: Run) -> tuple[str, str]:
    return str(wished_spec(*run).to_json()), run[0].id


@pytest.mark.timeout(420)
@pytest.mark.parametrize(("scenario", "strategy"), RUNS, ids=[f"{s.id}-{strategy}" for s, strategy in RUNS])
def test_happens_as_the_catalogue_says(results: Results, scenario: Scenario, strategy: Strategy) -> None:
    result = results[scenario.id, strategy]
    if isinstance(result, Exception):
        raise result
    assert [str(violation) for violation in result.violations] == []
    assert result.verdict == "holds"
    assert [len(play) for play in result.plays] == [len(scenario.steps)]
    if scenario.id not in BY_CHANCE and _major(redis.__version__) == _major(LEDGER["redis_py"]):
        told = LEDGER["scenarios"][scenario.id][strategy]
        assert _got(answers(scenario, result.plays[0])) == _got(told["answers"]), "docs/failures.md says else"
        assert list(result.schedules) == told["schedules"]


def _got(answered: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(it["step"], it["request"], it["got"]) for it in answered]


def _major(version: str) -> str:
    return version.partition(".")[0]

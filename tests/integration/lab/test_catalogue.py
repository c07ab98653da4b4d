"""Every shipped scenario, with every store that it says something about, on real pods."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.core.vocabulary import Strategy
from devenv.lab.replay import Replayer, ReplayResult, wished_spec
from devenv.scenario import Scenario, catalogue
from devenv.stack.embedded import EmbeddedStack

RUNS = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]
Key = tuple[str, Strategy]


@pytest.fixture(scope="session")
def results(stack: EmbeddedStack, request: pytest.FixtureRequest) -> dict[Key, ReplayResult | Exception]:
    """All that was asked for, in the order that needs the fewest restarts of pods."""
    asked: list[dict[str, Any]] = [
        dict(item.callspec.params)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_happens_as_the_catalogue_says"
    ]
    runs: list[tuple[Scenario, Strategy]] = [(params["scenario"], params["strategy"]) for params in asked]
    runs.sort(key=lambda run: (str(wished_spec(*run).to_json()), run[0].id))
    found: dict[Key, ReplayResult | Exception] = {}
    with Replayer(stack) as replayer:
        for scenario, strategy in runs:
            try:
                found[scenario.id, strategy] = replayer.run(scenario, strategy)
            except Exception as error:
                found[scenario.id, strategy] = error
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("scenario", "strategy"), RUNS, ids=[f"{s.id}-{strategy}" for s, strategy in RUNS])
def test_happens_as_the_catalogue_says(
    results: dict[Key, ReplayResult | Exception], scenario: Scenario, strategy: Strategy
) -> None:
    result = results[scenario.id, strategy]
    if isinstance(result, Exception):
        raise result
    assert [str(violation) for violation in result.violations] == []
    assert result.verdict == "holds"
    assert [len(play) for play in result.plays] == [len(scenario.steps)]

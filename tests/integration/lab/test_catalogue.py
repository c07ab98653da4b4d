"""Every shipped scenario, with every store that it says something about, on real pods."""

from __future__ import annotations

import pytest

from devenv.core.vocabulary import Strategy
from devenv.lab.replay import Replayer
from devenv.scenario import Scenario, catalogue

RUNS = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]


@pytest.mark.parametrize(("scenario", "strategy"), RUNS, ids=[f"{s.id}-{strategy}" for s, strategy in RUNS])
def test_happens_as_the_catalogue_says(replayer: Replayer, scenario: Scenario, strategy: Strategy) -> None:
    result = replayer.run(scenario, strategy)
    assert [str(violation) for violation in result.violations] == []
    assert result.verdict == "holds"

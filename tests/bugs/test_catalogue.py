"""The bug ledger: every shipped scenario, with every store that it says something about, on real pods."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario
from tests.bugs.conftest import CASES, IDS, Plays
from tests.support import ROOT
from tools.failures_page import answers

LEDGER = json.loads(ROOT.joinpath("docs", "failures.json").read_text(encoding="utf-8"))
BY_CHANCE = ("many-workers",)
"""Which worker accepts a connection is the kernel's choice."""


@pytest.mark.parametrize(("scenario", "strategy"), CASES, ids=IDS)
def test_happens_as_the_catalogue_says(plays: Plays, scenario: Scenario, strategy: Strategy) -> None:
    result = plays.play(scenario, strategy).result
    assert [str(deviation) for deviation in result.deviations] == []
    assert result.verdict == "holds"
    assert [len(play) for play in result.plays] == [len(scenario.steps)]
    if scenario.id not in BY_CHANCE and _major(redis.__version__) == _major(LEDGER["redis_py"]):
        message = LEDGER["scenarios"][scenario.id][strategy]
        assert _got(answers(scenario, result.plays[0])) == _got(message["answers"]), (
            "docs/failures.md says else"
        )
        assert list(result.schedules) == message["schedules"]


def _got(answered: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(item["step"], item["request"], item["got"]) for item in answered]


def _major(version: str) -> str:
    return version.partition(".")[0]

"""What replay writes down of real pods is judged as the catalogue names it; the atomic store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.runs.check import check
from devenv.harness.runs.folders import open_run
from devenv.verbs.replay.replayer import Replayer

EXPECTED = {
    "double-success": {"double-success": 1},
    "expiry-inside-verify": {"expiry-inside-verify": 2, "empty-bypass": 1},
    "ttl-rounds-to-zero": {"ttl-rounds-to-zero": 1},
}


@pytest.fixture(scope="module")
def stack(start_stack: Any) -> Any:
    return start_stack(StackSpec(use_redis=True, strategy=Strategy.GUIDE, ports=Ports.free()))


@pytest.mark.parametrize("strategy", [Strategy.GUIDE, Strategy.ATOMIC])
def test_replayed_races(stack: Any, tmp_path: Path, strategy: Strategy) -> None:
    values = {}
    with Replayer(stack) as replayer:
        for moment, name in enumerate(EXPECTED):
            result = replayer.run(find(name), strategy, run=open_run(tmp_path, name, float(moment)))
            assert result.verdict == "holds", result.violations
            report = check("latest", tmp_path).report.to_json()
            values[name] = report["kinds"]
            assert report["verdict"] == ("violation" if strategy is Strategy.GUIDE else "holds")
    assert values == (EXPECTED if strategy is Strategy.GUIDE else {name: {} for name in EXPECTED})

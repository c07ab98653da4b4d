"""A replay with a store that the scenario says nothing about is neither a pass nor a failure."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.scenario import find
from devenv.harness.client.recording import Recording
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.result import ReplayResult, junit_suite
from devenv.verbs.replay.summary import summary

STEP = Observed(1, 1, "create alice", {}, ())
RESULT = ReplayResult(find("double-click"), Strategy.WATCH, ((STEP,),), (0.1,), Recording())


def test_its_verdict() -> None:
    assert RESULT.verdict == "not checked"
    assert (RESULT.bug, RESULT.expected["steps"]) == (False, [])
    assert replace(RESULT, strategy=Strategy.ATOMIC).verdict == "holds"


def test_its_reports() -> None:
    text = junit_xml([junit_suite(RESULT)])
    assert (text.count("<error"), text.count("<failure"), 'errors="1"' in text) == (1, 0, True)
    page = summary(RESULT, explain_trace([], "nothing"))
    assert "❓ not checked" in page
    assert "says nothing about the watch store" in page


def test_ones_own_service_has_a_store_of_its_own() -> None:
    changed = replace(
        RESULT, strategy=Strategy.ATOMIC, store_name="Redis", run_id="20260101T000000Z-replay-x"
    )
    assert changed.store == "Redis"
    assert changed.command == "devenv replay 20260101T000000Z-replay-x"
    assert "atomic" not in junit_xml([junit_suite(changed)])
    assert replace(changed, store_name="").command.endswith("--strategy atomic")

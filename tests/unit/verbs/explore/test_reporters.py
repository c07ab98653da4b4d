"""Progress in lines, and results for machines, are reporters of an exploration."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Strategy
from devenv.verbs.explore.reporters import JsonReporter, ProgressReporter
from devenv.verbs.explore.result import ExploreOptions


def test_progress_is_a_line_for_each_moment() -> None:
    lines: list[str] = []
    times = iter([0.0, 0.1, 0.5, 2.0])
    reporter = ProgressReporter(lines.append, lambda: next(times))
    reporter.learning(12, 40)
    reporter.searching(256, {})
    reporter.searching(512, {})  # 0.1 s later: nothing is said
    reporter.searching(1000, {"double-success": 3, "lost-attempt": 1})
    reporter.searching(4000, {"double-success": 9})
    reporter.interrupted()
    reporter.shrinking(4000, {"double-success": 9})
    reporter.confirming("double-success")
    reporter.confirmed("double-success", None)
    assert lines == [
        "learning: 12 requests, 40 states",
        "256 traces, violations: none",
        "1000 traces, 2000/s, violations: double-success 3, lost-attempt 1",
        "4000 traces, 2000/s, violations: double-success 9",
        "interrupted: the search ends here (Ctrl-C again: what follows it, too)",
        "4000 traces; looking for the shortest order of each kind",
        "confirming double-success on real pods",
    ]


def test_json_is_one_result_or_all_that_are_compared() -> None:
    reporter = JsonReporter()
    reporter.ended({"strategy": "guide"})
    assert reporter.result(compared=False) == {"strategy": "guide"}
    assert reporter.result(compared=True) == {"compared": [{"strategy": "guide"}]}
    reporter.ended({"strategy": "atomic"})
    assert reporter.result(compared=True) == {"compared": [{"strategy": "guide"}, {"strategy": "atomic"}]}


def test_an_expression_is_parsed_once_with_the_options() -> None:
    options = ExploreOptions("w + r", Strategy.ATOMIC, events=("expiry",))
    assert str(options.meeting) == "W+R+X"
    with pytest.raises(UsageProblem, match="no request and no event"):
        ExploreOptions("Q", Strategy.ATOMIC)

"""The moments of a search: silent by default, told to each of several reporters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from devenv.core.search.collecting import CHECK_EVERY, Budget, Collected
from devenv.core.search.outcome import Outcome, OutcomeViolation
from devenv.core.search.reporter import Reporters, SearchReporter

MOMENTS: dict[str, tuple[Any, ...]] = {
    "learning": (3, 7),
    "searching": (10, {"double-success": 2}),
    "interrupted": (),
    "shrinking": (10, {"double-success": 2}),
    "confirming": ("double-success",),
    "confirmed": ("double-success", None),
    "ended": ({"verdict": "x"},),
}


class _All(SearchReporter):
    """Writes every moment down."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[Any, ...]]] = []

    def __getattribute__(self, name: str) -> Any:
        if name in MOMENTS:
            return lambda *arguments: self.heard.append((name, arguments))
        return super().__getattribute__(name)


def test_every_moment_is_listed_here() -> None:
    named = {name for name, _ in inspect.getmembers(SearchReporter, inspect.isfunction) if name[0] != "_"}
    assert named == set(MOMENTS)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_does_nothing_by_default_and_reaches_each_of_several(moment: str) -> None:
    assert getattr(SearchReporter(), moment)(*MOMENTS[moment]) is None
    one, other = _All(), _All()
    getattr(Reporters(one, other), moment)(*MOMENTS[moment])
    assert one.heard == other.heard == [(moment, MOMENTS[moment])]


class _Searching(SearchReporter):
    def __init__(self) -> None:
        self.heard: list[tuple[int, dict[str, int | None]]] = []

    def searching(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        self.heard.append((traces, dict(kinds)))


def test_the_search_reports_now_and_then_with_its_counts() -> None:
    reporter = _Searching()
    collected = Collected(Budget(), lambda: 0.0, reporter)
    outcome = Outcome((), (), 0, None)
    for number in range(2 * CHECK_EVERY + 1):
        violations = [OutcomeViolation("double-success", "both passed")] if number % 2 else []
        collected.note((0, 1), outcome, violations)
    assert reporter.heard == [
        (CHECK_EVERY, {"double-success": CHECK_EVERY // 2}),
        (2 * CHECK_EVERY, {"double-success": CHECK_EVERY}),
    ]

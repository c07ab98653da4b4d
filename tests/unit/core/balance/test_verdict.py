"""The verdict: lost, holds, and inconclusive where what was measured could hide the loss."""

from __future__ import annotations

import pytest

from devenv.core.balance.measured import PatternResult
from devenv.core.balance.verdict import exit_code_of, judge
from tests.unit.core.balance.results import FIRST, all_patterns, balance, result


def test_no_loss_in_any_pattern_holds() -> None:
    judged = judge(balance(*all_patterns(0)))
    assert (judged.verdict, judged.exit_code, judged.missing) == ("holds", 0, ())


def test_one_pattern_that_loses_is_a_loss() -> None:
    judged = judge(balance(*all_patterns(0), result("new", 3, cookies=False)))
    assert (judged.verdict, judged.exit_code) == ("lost", 1)
    assert judged.losing == ("new, no cookies",)


@pytest.mark.parametrize(
    ("results", "missing"),
    [
        ([result("new+image", 0), result("users", 0)], "without a request in between"),
        ([result("new", 0), result("users", 0)], "with a request in between"),
        ([result("kept", 0), result("kept+image", 0), result("users", 0)], "one kept connection can hide it"),
        ([result("new", 0), result("new+image", 0), result("load-test", 0)], "random pauses"),
        (all_patterns(0, by_pod=FIRST), "requests to captcha-api-b"),
        (all_patterns(0, failed=1), "that no pod answered"),
        ([], "new connections"),
    ],
)
def test_what_could_hide_a_loss_is_no_pass(results: list[PatternResult], missing: str) -> None:
    judged = judge(balance(*results))
    assert (judged.verdict, judged.exit_code) == ("inconclusive", 3)
    assert any(missing in text for text in judged.missing)


def test_of_several_a_loss_comes_before_what_is_open() -> None:
    lost, holds = judge(balance(result("new", 9))), judge(balance(*all_patterns(0)))
    unknown = judge(balance())
    assert exit_code_of([holds, unknown, lost]) == 1
    assert exit_code_of([holds, unknown]) == 3
    assert exit_code_of([holds]) == 0
    assert lost.to_json()["verdict"] == "lost"

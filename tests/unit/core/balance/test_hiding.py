"""What hides lost sessions: each cause from figures that show it, and from none that do not."""

from __future__ import annotations

import pytest

from devenv.core.balance.hiding import Hidden, what_hides
from devenv.core.balance.measured import ADDRESSES, MOVING, STRAY, Balance, Failure, KeptOut
from tests.unit.core.balance.results import FIRST, all_patterns, balance, result

CASES: dict[Hidden, tuple[Balance, tuple[str, ...]]] = {
    Hidden.PARITY: (
        balance(
            result("new", 100, cycle=2, alternation=1.0), result("new+image", 0, cycle=2, alternation=1.0)
        ),
        ("new+image",),
    ),
    Hidden.LOCK_STEP: (balance(result("users", 47), result("load-test", 0)), ("load-test",)),
    Hidden.CONNECTION: (
        balance(result("new", 50), result("kept", 0), result("kept+image", 0)),
        ("kept", "kept+image"),
    ),
    Hidden.WORKERS: (balance(result("new", 100), result("new", 52, clients=STRAY)), ("new, " + STRAY,)),
    Hidden.COOKIE: (balance(result("new", 0), result("new", 100, cookies=False), cookie="srv=a"), ("new",)),
    Hidden.ADDRESS: (
        balance(
            result("new", 0, by_pod=FIRST),
            result("new", 0, clients=ADDRESSES),
            result("new", 50, clients=MOVING),
        ),
        ("new", "new, " + ADDRESSES),
    ),
    Hidden.IDLE_FIRST: (balance(result("new", 0, by_pod=FIRST), result("users", 45)), ("new",)),
    Hidden.KEPT_OUT: (balance(result("new", 0), kept_out=(KeptOut(Failure.CLOSES, 10.3, 16.0, 200),)), ()),
    Hidden.CACHE: (balance(result("new+image", 100, unseen=95)), ("new+image",)),
}


@pytest.mark.parametrize("cause", CASES)
def test_each_cause_is_named_from_its_figures(cause: Hidden) -> None:
    measured, hides = CASES[cause]
    causes = what_hides(measured)
    assert [hiding.cause for hiding in causes] == [cause]
    assert causes[0].hides == hides
    assert causes[0].evidence
    assert causes[0].to_json()["cause"] == str(cause)


def test_every_cause_has_a_case() -> None:
    assert set(CASES) == set(Hidden)


def test_the_fastest_pod_takes_nearly_all_that_comes_one_at_a_time() -> None:
    nearly = {"captcha-api-a": 196, "captcha-api-b": 4}
    fastest = balance(result("new", 2, by_pod=nearly), result("users", 52))
    assert [hiding.cause for hiding in what_hides(fastest)] == [Hidden.IDLE_FIRST]


def test_weighted_turns_hide_as_strict_ones_do() -> None:
    turns = balance(result("kept", 50, cycle=4), result("browser", 0, cycle=4))
    assert [hiding.cause for hiding in what_hides(turns)] == [Hidden.PARITY]


@pytest.mark.parametrize("lost", [0, 47, 100])
def test_where_all_clients_lose_the_same_nothing_hides_it(lost: int) -> None:
    assert what_hides(balance(*all_patterns(lost))) == ()


@pytest.mark.parametrize(
    "measured",
    [
        balance(result("new", 50), result("new+image", 44)),  # chance
        balance(result("new", 55), result("new+image", 30)),  # they differ, but no order repeats
        balance(result("new", 50), result("kept", 0, by_pod=FIRST)),  # kept never met the other pod
        balance(result("users", 40), result("load-test", 100)),  # lock step loses more: nothing is hidden
        balance(result("new", 0), kept_out=(KeptOut(Failure.CLOSES, 0.05, 16.0, 1),)),
        balance(result("new", 0, by_pod=FIRST), result("users", 0, by_pod=FIRST)),
    ],
)
def test_no_wrong_cause(measured: Balance) -> None:
    assert what_hides(measured) == ()

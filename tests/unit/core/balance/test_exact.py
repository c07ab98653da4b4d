"""The exact shares, against the policies themselves played request by request."""

from __future__ import annotations

from random import Random

import pytest

from devenv.core.balance.exact import exact_share
from devenv.core.balance.patterns import PATTERNS, Connections, Pattern, pattern_of
from devenv.core.model.errors import UsageProblem
from devenv.core.routing.policies import RequestFacts
from devenv.core.simulation.balancers import pod_names_of, routing_of

SEQUENTIAL = [pattern for pattern in PATTERNS if pattern.sequential]
SESSIONS = 600


def played(model: str, pods: int, pattern: Pattern) -> float:
    """The share that sessions one after the other lose by the policy itself."""
    policy, names, rng = routing_of(model, pod_names_of(pods)).policy(), pod_names_of(pods), Random(7)
    connection, lost = 0, 0
    for _ in range(SESSIONS):
        chosen: list[str] = []
        on_connection: dict[int, str] = {}
        cookie = None
        for number in range(pattern.requests):
            match pattern.connections:
                case Connections.NEW:
                    connection += 1
                    one_service = connection
                case Connections.BROWSER:
                    one_service = number % pattern.before
                case _:
                    one_service = 0
            facts = RequestFacts("127.0.0.1", one_service, on_connection.get(one_service), cookie)
            choice = policy.choose(facts, names, {}, rng)
            on_connection[one_service] = choice.pod
            cookie = choice.set_cookie or cookie
            chosen.append(choice.pod)
        lost += chosen[pattern.before] != chosen[-1]
    return lost / SESSIONS


@pytest.mark.parametrize("pods", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        "round-robin", "random", "least-in-flight", "source-hash", "cookie-sticky", "per-connection",
        "weighted:a=3,b=1", "weighted:a=2,b=1", "two-choices", "least-busy:first",
        "least-busy:random", "pinned:a",
    ],
)  # fmt: skip
def test_the_formula_is_what_the_policy_does(model: str, pods: int) -> None:
    for pattern in SEQUENTIAL:
        exact = exact_share(model, pods, pattern)
        if exact is not None:
            # 5 standard deviations of a drawn share; in turns nothing is drawn
            tolerance = 0.1 if "1 - 1/N" in exact.formula else 1e-9
            assert played(model, pods, pattern) == pytest.approx(exact.value, abs=tolerance), pattern.name


@pytest.mark.parametrize(
    ("model", "pattern", "value"),
    [
        ("round-robin", "new", 1.0),
        ("round-robin", "new+image", 0.0),
        ("round-robin", "users", None),
        ("nginx", "kept", 1.0),
        ("per-connection", "kept", 0.0),
        ("per-connection", "browser", 0.5),
        ("per-connection", "users", None),
        ("random", "load-test", 0.5),
        ("weighted:a=3,b=1", "new", 0.5),
        ("weighted:a=3,b=1", "browser", None),  # 8 requests a session: it matters where the cycle begins
        ("", "new", None),
    ],
)
def test_known_shares(model: str, pattern: str, value: float | None) -> None:
    exact = exact_share(model, 2, pattern_of(pattern))
    assert (None if exact is None else exact.value) == value


def test_three_pods_in_turn_meet_again_after_three_requests() -> None:
    new, image = pattern_of("new"), pattern_of("new+image")
    assert [exact_share("round-robin", 3, each).value for each in (new, image)] == [1.0, 1.0]  # type: ignore[union-attr]


def test_one_pod_loses_nothing_and_unknown_names_are_refused() -> None:
    one = exact_share("random", 1, pattern_of("new"))
    assert one is not None
    assert one.to_json() == {"value": 0.0, "formula": "one pod"}
    with pytest.raises(UsageProblem, match="unknown policy"):
        exact_share("best", 2, pattern_of("new"))
    with pytest.raises(UsageProblem, match=r"unknown pattern 'old'"):
        pattern_of("old")

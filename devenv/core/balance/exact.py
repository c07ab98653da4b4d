"""The share of sessions that a pattern loses exactly, where the way to choose a pod is known.

Each rule is that of a model in ``core/simulation/balancers.py``; N pods, sessions in the memory of their pod,
a session is lost where its verify reaches another pod than its create.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from devenv.core.balance.patterns import Connections, Pattern
from devenv.core.routing.policies import RequestFacts
from devenv.core.simulation.balancers import BALANCERS, Kind, Routing, pod_names_of, routing_of

if TYPE_CHECKING:
    from random import Random

_MOST_TURNS = 100_000
"""The longest cycle of weights that is gone through."""
_NO_DRAWS = cast("Random", None)
"""In the place of a generator where nothing is drawn."""


@dataclass(frozen=True, slots=True)
class ExactShare:
    """A share from 0 to 1 with its formula."""

    value: float
    formula: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"value": self.value, "formula": self.formula}


def exact_share(model: str, pods: int, pattern: Pattern) -> ExactShare | None:
    """The share that ``pattern`` loses where ``model`` chooses among ``pods``; None without a formula.

    ``model``: a policy of the proxy or a model of the simulation, "" for none. Raises UsageProblem for an
    unknown one.
    """
    if not model:
        return None
    if pods == 1:
        return ExactShare(0.0, "one pod")
    routing = routing_of(model, pod_names_of(pods))
    match routing.kind:
        case Kind.PINNED:
            return ExactShare(0.0, "0: one pod for all")
        case Kind.RENDEZVOUS | Kind.HASH_MOD:
            return ExactShare(0.0, "0: one address, one pod")
        case Kind.RANDOM:
            return _drawn(pods)
        case Kind.CONNECTION:
            return _by_connection(pods, pattern)
        case Kind.COOKIE:
            return ExactShare(0.0, "0: the cookie names the pod")
        case Kind.TURNS:
            return _in_turn(pods, pattern)
        case Kind.WEIGHTED:
            return _weighted(routing, pods, pattern)
        case Kind.BUSY:
            return _least_busy(model, pods, pattern)
    return None


def _drawn(pods: int) -> ExactShare:
    return ExactShare(1 - 1 / pods, f"1 - 1/N, N = {pods}")


def _by_connection(pods: int, pattern: Pattern) -> ExactShare | None:
    match pattern.connections:
        case Connections.KEPT:
            return ExactShare(0.0, "0: one connection, one pod")
        case Connections.NEW | Connections.BROWSER:
            return _drawn(pods)
    return None  # a draw per start of the pool, not per session


def _in_turn(pods: int, pattern: Pattern) -> ExactShare | None:
    """Strict turns: verify meets create's pod where it comes a multiple of N requests later."""
    if not pattern.sequential:
        return None
    met = (pattern.between + 1) % pods == 0
    return ExactShare(0.0 if met else 1.0, f"{0 if met else 1}: {pattern.between + 1} turns on, N = {pods}")


def _weighted(routing: Routing, pods: int, pattern: Pattern) -> ExactShare | None:
    """One cycle of the policy itself. Where it matters at which turn the first session begins: None."""
    turns = int(sum(routing.argument))
    if not pattern.sequential or turns * turns > _MOST_TURNS:
        return None
    policy, request, names = routing.policy(), RequestFacts("127.0.0.1", 1), pod_names_of(pods)
    cycle = [policy.choose(request, names, {}, _NO_DRAWS).pod for _ in range(turns)]
    lost = {
        sum(_apart(cycle, first + session * pattern.requests, pattern) for session in range(turns))
        for first in range(turns)
    }
    if len(lost) > 1:
        return None
    share = lost.pop() / turns
    return ExactShare(share, f"{share:.3g}: the cycle of {turns} turns")


def _apart(cycle: list[str], first: int, pattern: Pattern) -> bool:
    """Whether create and verify of the session that begins at turn ``first`` meet different pods."""
    create = first + pattern.before
    return cycle[create % len(cycle)] != cycle[(create + pattern.between + 1) % len(cycle)]


def _least_busy(model: str, pods: int, pattern: Pattern) -> ExactShare | None:
    """One request at a time leaves all pods equally busy: only how ties are broken matters."""
    if not pattern.sequential:
        return None
    name = BALANCERS.get(model, model)
    if name == "least-in-flight":
        return _in_turn(pods, pattern)
    if name == "least-busy:first":
        return ExactShare(0.0, "0: all pods are idle, the first is taken")
    return _drawn(pods)

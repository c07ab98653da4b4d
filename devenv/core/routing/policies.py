"""The policies: each chooses one pod for one request out of those that are alive.

No clock, no randomness and no I/O of their own: what is known of the request, the pods and a seeded generator
come in as arguments, so that a proxy and a simulator get the same choices from the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from random import Random

AFFINITY_COOKIE = "devenv_pod"
"""The cookie of cookie-sticky; its value is a pod's name."""


class RequestFacts(NamedTuple):
    """What a policy may know of a request."""

    client: str
    """The client's address, without port."""
    connection: int
    """The number of its connection."""
    previous: str | None = None
    """The pod that the policy chose for an earlier request of this connection; None at the first."""
    cookie: str | None = None
    """The value of the affinity cookie, if one was sent."""


class Choice(NamedTuple):
    """The chosen pod, and the value to set the affinity cookie to (None: set none)."""

    pod: str
    set_cookie: str | None = None


class Policy(Protocol):
    """A way to choose. ``text`` reads back through ``parse_policy``.

    ``pin`` is the only pod that this policy ever uses (requests for it are not sent elsewhere when it is
    dead), None for all policies but pinned. ``keeps_connection``: whether ``RequestFacts.previous`` is read.
    """

    @property
    def text(self) -> str:
        """The policy as ``parse_policy`` reads it."""

    @property
    def pin(self) -> str | None:
        """The one pod of a pinned policy."""

    @property
    def keeps_connection(self) -> bool:
        """Whether ``RequestFacts.previous`` matters to it."""

    def choose(
        self,
        request: RequestFacts,
        candidates: Sequence[str],
        in_flight: Mapping[str, int],
        rng: Random,
    ) -> Choice:
        """One of ``candidates`` (alive pods in their order, not empty).

        ``in_flight`` counts the unanswered requests of each pod. May change the policy's own state (turns).
        """


class _Base:
    """What most policies have in common: the pods in order and a plain name."""

    name = ""
    pin: str | None = None
    keeps_connection = False

    def __init__(self, pods: Sequence[str]) -> None:
        self.pods = tuple(pods)
        self._choices = [Choice(pod) for pod in self.pods]

    @property
    def text(self) -> str:
        """The policy as ``parse_policy`` reads it."""
        return self.name


class RoundRobin(_Base):
    """Each pod in turn: a, b, a, b. A pod that is not a candidate loses its turn, not the order."""

    name = "round-robin"

    def __init__(self, pods: Sequence[str]) -> None:
        super().__init__(pods)
        self._last = len(self.pods) - 1

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The next candidate after the one chosen last, in the pods' order."""
        pods = self.pods
        index = self._last
        for _ in pods:
            index += 1
            if index == len(pods):
                index = 0
            if pods[index] in candidates:
                break
        else:
            return Choice(candidates[0])
        self._last = index
        return self._choices[index]


class _WithTurns(_Base):
    """A policy that chooses in turn where its own rule leaves a choice."""

    def __init__(self, pods: Sequence[str]) -> None:
        super().__init__(pods)
        self._turns = RoundRobin(pods)


class RandomChoice(_Base):
    """Uniformly random per request."""

    name = "random"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """A uniform draw from ``rng``."""
        return Choice(candidates[int(rng.random() * len(candidates))])


class LeastInFlight(_WithTurns):
    """The pod with the fewest unanswered requests; among equals, in turn.

    As nginx's least_conn (https://nginx.org/en/docs/http/ngx_http_upstream_module.html#least_conn).
    """

    name = "least-in-flight"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The least busy; round-robin among the equally busy."""
        least = min(in_flight.get(pod, 0) for pod in candidates)
        equals = [pod for pod in candidates if in_flight.get(pod, 0) == least]
        return self._turns.choose(request, equals, in_flight, rng)


@lru_cache(maxsize=65536)
def _affinity(client: str, pod: str) -> bytes:
    return blake2b(f"{client}|{pod}".encode(), digest_size=8).digest()


class SourceHash(_Base):
    """Always the same pod for the same client address, while it lives.

    Highest random weight (rendezvous) hashing, Thaler and Ravishankar 1998: when a pod goes, only its own
    clients move, and they come back with it. The hash is the same on every machine and in every process.
    """

    name = "source-hash"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The candidate whose hash with the client's address is the highest."""
        client = request.client
        return Choice(max(candidates, key=lambda pod: _affinity(client, pod)))


class CookieSticky(_WithTurns):
    """The pod that the affinity cookie names; a client without one gets the next pod and the cookie."""

    name = "cookie-sticky"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The cookie's pod where it is a candidate, else round-robin with a cookie to set."""
        if request.cookie in candidates and request.cookie is not None:
            return Choice(request.cookie)
        pod = self._turns.choose(request, candidates, in_flight, rng).pod
        return Choice(pod, set_cookie=pod)


class Cohort(_Base):
    """The kind of pod that made the session: pods are grouped, and the affinity cookie names the group.

    A client without a cookie, or with that of a group of which no pod is left, gets any pod and the cookie
    of its group: one of all pods, or of one group where ``births`` names it. Other groups then keep the
    sessions that they have and get no new ones, until they are drained. Within a group pods are drawn.
    """

    name = "cohort"

    def __init__(self, groups: Mapping[str, str], births: str | None = None) -> None:
        """``groups`` has the group of every pod."""
        super().__init__(tuple(groups))
        self.groups = dict(groups)
        self.births = births

    @property
    def text(self) -> str:
        """``cohort:captcha-api-a=off,captcha-api-b=on,new=on``."""
        births = f",new={self.births}" if self.births else ""
        return "cohort:" + ",".join(f"{pod}={group}" for pod, group in self.groups.items()) + births

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """A uniform draw among the cookie's group, else among those that may have new sessions."""
        of_cookie = [pod for pod in candidates if request.cookie and self.groups[pod] == request.cookie]
        births = [pod for pod in candidates if self.groups[pod] == self.births]
        drawn = of_cookie or births or candidates
        pod = drawn[int(rng.random() * len(drawn))]
        return Choice(pod, set_cookie=None if of_cookie else self.groups[pod])


class PerConnection(_Base):
    """One random pod per TCP connection, as kube-proxy does (its iptables mode).

    https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-iptables: the choice falls when
    the connection is made, so keep-alive keeps a client on one pod and hides sessions in the wrong place.
    """

    name = "per-connection"
    keeps_connection = True

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The connection's pod; a uniform draw at its first request or when that pod is gone."""
        if request.previous in candidates and request.previous is not None:
            return Choice(request.previous)
        return Choice(candidates[int(rng.random() * len(candidates))])


class Weighted:
    """Smooth weighted round-robin: a=3,b=1 gives a a b a, not a a a b.

    nginx's algorithm (ngx_http_upstream_get_peer, commit 52327e0627f4): every candidate's current weight
    grows by its weight, the highest is taken and lowered by the sum. A pod of weight 0 is used only where
    no other is alive.
    """

    pin: str | None = None
    keeps_connection = False

    def __init__(self, weights: Mapping[str, int]) -> None:
        self.weights = dict(weights)
        self._current = dict.fromkeys(self.weights, 0)

    @property
    def text(self) -> str:
        """``weighted:captcha-api-a=3,captcha-api-b=1``."""
        return "weighted:" + ",".join(f"{pod}={weight}" for pod, weight in self.weights.items())

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The candidate with the highest current weight; the first of equals."""
        current = self._current
        eligible = [pod for pod in candidates if self.weights.get(pod, 0) > 0]
        if not eligible:
            return Choice(candidates[0])
        for pod in eligible:
            current[pod] += self.weights[pod]
        best = max(eligible, key=current.__getitem__)
        current[best] -= sum(self.weights[pod] for pod in eligible)
        return Choice(best)


class Pinned:
    """One pod for everything."""

    keeps_connection = False

    def __init__(self, pod: str) -> None:
        self.pin: str | None = pod
        self._choice = Choice(pod)

    @property
    def text(self) -> str:
        """``pinned:captcha-api-a``."""
        return f"pinned:{self.pin}"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The pinned pod, whether or not it is a candidate: a dead pod is the caller's to report."""
        return self._choice

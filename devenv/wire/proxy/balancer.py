"""Chooses the pod for an exchange, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from devenv.core.model.vocabulary import resolve_pod
from devenv.core.routing import Choice, Policy, RequestFacts, parse_policy
from devenv.wire.http.heads import RequestHead


class Balancer:
    """The policy, and what it may know of the pods: their names, which seem up, and how busy each is."""

    pods: tuple[str, ...]
    """The pods' names in their order."""
    alive: tuple[str, ...]
    """Those that seem to be up."""
    policy: Policy
    policy_text: str
    """The policy's text form."""

    def __init__(self, policy: str, rng: Random) -> None:
        self.pods = self.alive = ()
        self.in_flight: dict[str, int] = {}
        """Exchanges under way per pod; exchanges count themselves, also on pods that are no longer used."""
        self.policy_text = policy
        self._rng = rng

    def set_pods(self, names: Sequence[str], policy: str | None = None) -> None:
        """Choose among other pods, all of which seem up, by ``policy`` (None: the present one), which starts
        anew.

        Raises UsageProblem, and changes nothing, where the policy does not fit these pods.
        """
        self._use(parse_policy(policy or self.policy_text, names))
        self.pods = self.alive = tuple(names)
        self.in_flight = {
            name: self.in_flight.get(name, 0) for name in {**self.in_flight, **dict.fromkeys(names)}
        }

    def set_policy(self, text: str) -> None:
        """Use another policy from the next choice on; UsageProblem for an unknown policy or pod."""
        self._use(parse_policy(text, self.pods))

    def _use(self, policy: Policy) -> None:
        self.policy = policy
        self.policy_text = policy.text

    def choose(self, facts: RequestFacts, unreachable: Collection[str] | None) -> Choice | None:
        """A pod for a request, none of the ``unreachable`` (tried before); None where there is no other.

        Pods that seem down are chosen only when none of the others is left.
        """
        candidates = self.alive
        if unreachable or not candidates:
            excluded = unreachable or ()
            candidates = tuple(name for name in self.alive if name not in excluded) or tuple(
                name for name in self.pods if name not in excluded
            )
            if not candidates:
                return None
        return self.policy.choose(facts, candidates, self.in_flight, self._rng)

    def named(self, pin: str) -> str | None:
        """The pod that a request asks for by name or by its last letter; None for an unknown one."""
        return resolve_pod(pin, self.pods)


def request_facts(head: RequestHead, connection: RequestFacts) -> RequestFacts:
    """What a policy may know of a request: affinity cookie, and X-Forwarded-For's first hop as the client.

    A client can claim any address so; on one machine, where every peer is 127.0.0.1, that is wanted.
    ``connection`` has what is known of its connection.
    """
    chain = head.forwarded_for
    client = connection.client if chain is None else chain.partition(b",")[0].strip().decode("latin-1")
    return connection._replace(client=client, cookie=head.cookie)

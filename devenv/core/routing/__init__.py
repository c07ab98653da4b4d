"""Pure routing policies: which pod gets the next request."""

from devenv.core.routing.codec import POLICIES, PROXY_CHOOSES, parse_policy
from devenv.core.routing.policies import AFFINITY_COOKIE, Choice, Policy, RequestFacts

__all__ = ["AFFINITY_COOKIE", "POLICIES", "PROXY_CHOOSES", "Choice", "Policy", "RequestFacts", "parse_policy"]

"""Pure routing policies: which pod gets the next request."""

from devenv.core.routing.codec import POLICIES, parse_policy
from devenv.core.routing.policies import AFFINITY_COOKIE, Choice, Policy, RequestFacts

__all__ = ["AFFINITY_COOKIE", "POLICIES", "Choice", "Policy", "RequestFacts", "parse_policy"]

"""Real load balancers on this machine: found, started in front of servers, watched and ended."""

from devenv.stack.balancers.process import RunningBalancer, running_balancer
from devenv.stack.balancers.programs import WHEEL, Program, find, override_of

__all__ = ["WHEEL", "Program", "RunningBalancer", "find", "override_of", "running_balancer"]

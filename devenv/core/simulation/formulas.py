"""Shares of lost sessions that are known exactly, each with its derivation.

N pods, k look-ups, shares from 0 to 1. All but the last three assume what their docstring says of routing and
count sessions that do not expire; ``exact.py`` puts thinking times in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from devenv.core.simulation.thinking import Thinking


def random_lookups(pods: int, lookups: int) -> float:
    """1 - N^-k: random routing, memory, one birth and k look-ups.

    Each look-up reaches the pod of the birth with probability 1/N, independently of the others; the session
    is complete where all do.
    """
    return 1.0 - float(pods) ** -lookups


def same_process(shares: Sequence[float], lookups: int) -> float:
    """Σ p^(k+1): birth and k look-ups reach one process of a pod, each on a connection of its own.

    ``shares`` are those p of the connections that each process accepts, independently of each other. Of all
    shares the equal ones give the least, W^-k (the power mean's inequality).
    """
    return float(sum(share ** (lookups + 1) for share in shares))


def mixed_flags(pods: int, redis_pods: int) -> float:
    """1 - (R/N)² - (N-R)/N²: random routing, R of N pods on Redis, each pod looks where its own flag says.

    Found are sessions born on Redis and looked up by a pod on Redis, (R/N)², and those born in a memory,
    (N-R)/N, and looked up at that very pod, 1/N.
    """
    return 1 - (redis_pods / pods) ** 2 - (pods - redis_pods) / pods**2


def added_pods(pods: int, added: int) -> float:
    """1 - (R/T)² - N/T², T = N + R: R pods on Redis are added to N in memory, random routing.

    As ``mixed_flags`` with T pods, of which N keep sessions in memory.
    """
    total = pods + added
    return 1 - (added / total) ** 2 - pods / total**2


def births_by_flag(pods: int, redis_pods: int) -> float:
    """(N-R)/N · (1 - 1/N): births by the pod's flag, look-ups where the id's mark says, random routing.

    A session in Redis is found by every pod. One in a memory, (N-R)/N of them, is lost where the look-up
    goes to another pod, 1 - 1/N.
    """
    return (pods - redis_pods) / pods * (1 - 1 / pods)


def cohort(pods: int, redis_pods: int) -> float:
    """(N-R)/N · (1 - 1/(N-R)): look-ups go only to pods of the kind that made the session, at random.

    A session in a memory, (N-R)/N of them, is lost where the look-up goes to another of the N-R pods.
    """
    memory = pods - redis_pods
    return memory / pods * (1 - 1 / memory) if memory else 0.0


def hash_mod_moved(before: int, after: int) -> float:
    """1 - min(N,M)/lcm(N,M): clients whose pod changes where N pods become M and the pod is hash mod N.

    A hash h stays where h mod N = h mod M. By the Chinese remainder theorem the pair of remainders has the
    period lcm(N, M), in which each r < min(N, M) with h mod N = h mod M = r comes once: min(N,M) of lcm(N,M).
    """
    return 1 - min(before, after) / math.lcm(before, after)


def rendezvous_moved(before: int, after: int) -> float:
    """1 - min(N,M)/max(N,M): clients whose pod changes under rendezvous hashing; 1/(N+1) for one pod more.

    Each client's pod is the one of the highest weight, uniform over the pods. Of M > N pods the highest is
    one of the M-N new ones with probability (M-N)/M, else it is as before; with fewer pods the clients of the
    removed ones move, (N-M)/N. (D. G. Thaler, C. V. Ravishankar, Using name-based mappings to increase hit
    rates, IEEE/ACM Transactions on Networking 6 (1998), section III.)
    """
    return 1 - min(before, after) / max(before, after)


def kept_connection(pods: int, idle_limit: float, mean_thinking: float) -> float:
    """e^(-c/m) · (1 - 1/N) of look-ups: a pod per connection, exponential thinking of mean m, idle limit c.

    The connection is closed where the client thinks for longer than c, e^(-c/m); the next one goes to another
    pod with probability 1 - 1/N.
    """
    return math.exp(-idle_limit / mean_thinking) * (1 - 1 / pods)


def rolling_restart_losses(rate: float, thinking: Thinking, ttl: float) -> float:
    """λ · E[min(D, TTL)] sessions in all, whatever N: one restart of each pod, sessions in memory.

    By Little's law (J. D. C. Little, Operations Research 9 (1961) 383-387) this many sessions are open at any
    moment, λ/N · E[min(D, TTL)] on each pod; each restart ends those of its pod, and there are N restarts.
    """
    return rate * thinking.mean_up_to(ttl)


def resize_losses(rate: float, thinking: Thinking, ttl: float, moved: float) -> float:
    """λ · E[min(D, TTL)] · moved sessions: those open at the resize (Little's law) whose client moves."""
    return rate * thinking.mean_up_to(ttl) * moved


def canary_drift(share: float, requests: int) -> float:
    """1 - (1-w)^k: clients on the canary after k requests, where a cookie pins only those on the canary.

    A client is still on the old pods where none of its k draws fell on the canary, (1-w)^k.
    """
    return 1 - (1 - share) ** requests

"""The policies as text, as flags, the control API and run files hold them."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import resolve_pod
from devenv.core.routing.policies import (
    Cohort,
    CookieSticky,
    LeastInFlight,
    PerConnection,
    Pinned,
    Policy,
    RandomChoice,
    RoundRobin,
    SourceHash,
    Weighted,
)

_PLAIN = (RoundRobin, RandomChoice, LeastInFlight, SourceHash, CookieSticky, PerConnection)
_PLAIN_BY_NAME = {policy.name: policy for policy in _PLAIN}

POLICIES: tuple[str, ...] = (*_PLAIN_BY_NAME, "weighted", "pinned", "cohort")
"""The names; weighted, pinned and cohort take an argument after a colon."""

PROXY_CHOOSES = "proxy"
"""Before a policy's name, with a colon, where a balancer chooses: the proxy is to choose from now on."""

MAX_WEIGHT = 1_000_000


def parse_policy(text: str, pods: Sequence[str]) -> Policy:
    """A fresh policy over ``pods`` (names in order) from its text.

    ``round-robin``, ``random``, ``least-in-flight``, ``source-hash``, ``cookie-sticky``, ``per-connection``,
    ``weighted:a=3,b=1`` (pods not named weigh 1, 0 keeps a pod out), ``pinned:a``, ``cohort:a=off,b=on``
    (each pod's group; with ``,new=on`` only that group gets new sessions); pods in full or by letter.
    Raises UsageProblem naming what is unknown and what there is.
    """
    name, colon, argument = text.strip().partition(":")
    if name in _PLAIN_BY_NAME:
        if colon:
            raise UsageProblem(f"policy {name} takes no argument, got {text!r}", hint=f"write {name}")
        return _PLAIN_BY_NAME[name](pods)
    if name == "pinned":
        if not argument:
            raise UsageProblem("policy pinned needs a pod", hint=f"write pinned:{pods[0] if pods else 'a'}")
        return Pinned(_pod(argument, pods))
    if name == "weighted":
        return Weighted(_weights(argument, pods))
    if name == "cohort":
        return _cohort(argument, pods)
    raise UsageProblem(f"unknown policy {name!r}", hint="known policies: " + ", ".join(POLICIES))


def _pod(word: str, pods: Sequence[str]) -> str:
    pod = resolve_pod(word.strip(), pods)
    if pod is None:
        raise UsageProblem(f"unknown pod {word.strip()!r}", hint="pods: " + ", ".join(pods))
    return pod


def _cohort(argument: str, pods: Sequence[str]) -> Cohort:
    example = "write cohort:a=off,b=on"
    groups: dict[str, str] = {}
    births = None
    for part in argument.split(",") if argument else ():
        word, _, group = (piece.strip() for piece in part.partition("="))
        if not group.replace("-", "").isalnum():
            raise UsageProblem(f"cohort {part.strip()!r} is not POD=GROUP", hint=example)
        if word == "new":
            births = group
            continue
        pod = _pod(word, pods)
        if pod in groups:
            raise UsageProblem(f"pod {pod} has two groups", hint=example)
        groups[pod] = group
    missing = [pod for pod in pods if pod not in groups]
    if missing:
        raise UsageProblem(f"policy cohort names no group for {', '.join(missing)}", hint=example)
    if births is not None and births not in groups.values():
        raise UsageProblem(f"no pod is in the group {births!r}, which would get new sessions", hint=example)
    return Cohort({pod: groups[pod] for pod in pods}, births)


def _weights(argument: str, pods: Sequence[str]) -> dict[str, int]:
    example = "write weighted:a=3,b=1"
    if not argument:
        raise UsageProblem("policy weighted needs weights", hint=example)
    given: dict[str, int] = {}
    for part in argument.split(","):
        word, equals, number = part.partition("=")
        pod = _pod(word, pods)
        if not equals or not number.strip().isascii() or not number.strip().isdigit():
            raise UsageProblem(f"weight {part.strip()!r} is not POD=WHOLE NUMBER", hint=example)
        if pod in given:
            raise UsageProblem(f"pod {pod} has two weights", hint=example)
        given[pod] = int(number)
        if given[pod] > MAX_WEIGHT:
            raise UsageProblem(f"weight {given[pod]} of {pod} is above {MAX_WEIGHT}", hint=example)
    weights = {pod: given.get(pod, 1) for pod in pods}
    if not any(weights.values()):
        raise UsageProblem("at least one pod needs a weight above 0", hint=example)
    return weights

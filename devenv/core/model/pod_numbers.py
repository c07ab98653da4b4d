"""Which pods a stack is to have, from a number or from what is added and removed."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import MAX_PODS, pod_names, resolve_pod

_HINT = "3 (this many pods), +2 or -1 (more or fewer), +c or -a (this pod)"


def numbered(present: Sequence[str], count: int) -> tuple[str, ...]:
    """This many pods: the last of ``present`` are removed, or free names added. Full names in order.

    Raises UsageProblem outside 1 … ``MAX_PODS``.
    """
    if not 1 <= count <= MAX_PODS:
        every = pod_names(MAX_PODS)
        raise UsageProblem(
            f"{count} pods: a stack has 1 to {MAX_PODS}", hint=f"their names are {every[0]} to {every[-1]}"
        )
    free = [pod for pod in pod_names(MAX_PODS) if pod not in present]
    chosen = [*present[:count], *free[: max(0, count - len(present))]]
    return tuple(pod for pod in pod_names(MAX_PODS) if pod in chosen)


def changed_pods(present: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    """The pods after each of ``changes`` in turn: ``3``, ``+2``, ``-1``, ``+c`` or ``-a``.

    Raises UsageProblem for another word, a pod that is there already or is not, and outside 1 … ``MAX_PODS``.
    """
    pods = tuple(present)
    for word in changes:
        pods = _changed(pods, word)
    return pods


def _changed(pods: tuple[str, ...], word: str) -> tuple[str, ...]:
    sign, rest = (word[:1], word[1:]) if word[:1] in ("+", "-") else ("", word)
    if rest.isascii() and rest.isdecimal():
        number = int(rest)
        return numbered(pods, number if not sign else len(pods) + (number if sign == "+" else -number))
    pod = resolve_pod(rest, pod_names(MAX_PODS)) if sign else None
    if pod is None:
        raise UsageProblem(f"{word!r} does not say which pods", hint=_HINT)
    if sign == "+":
        if pod in pods:
            raise UsageProblem(f"{pod} is there already", hint=f"the pods are {', '.join(pods)}")
        return tuple(name for name in pod_names(MAX_PODS) if name in (*pods, pod))
    if pod not in pods:
        raise UsageProblem(f"{pod} is not there", hint=f"the pods are {', '.join(pods)}")
    if len(pods) == 1:
        raise UsageProblem(f"{pod} is the only pod", hint="devenv down ends the whole stack")
    return tuple(name for name in pods if name != pod)

"""One pod killed, paused or resumed, as the kernel or an operator would, past its own shutting down."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import PodStatus
from devenv.core.model.vocabulary import resolve_pod
from devenv.harness.runs.journal import JournaledStack, pod_events
from devenv.stack.waiting import comes_true

WAIT_SECONDS = 10.0
ACTIONS = ("kill", "pause", "resume")


def signal_pod(stack: JournaledStack, word: str, action: str) -> str:
    """``kill`` (SIGKILL: what its memory held is lost), ``pause`` (SIGSTOP) or ``resume`` the pod ``word``.

    Gives its name. A killed pod stays down until it is restarted. Raises UsageProblem for an unknown pod or
    action, EnvironmentProblem where the pod is not a process of this machine, or does not run.
    """
    if action not in ACTIONS:
        raise UsageProblem(f"there is no action {action!r} on a pod", hint=f"one of {', '.join(ACTIONS)}")
    pod = _pod(stack, word)
    if pod.pid is None:
        raise EnvironmentProblem(f"{pod.name} does not run as a process of this machine", hint="restart it")
    try:
        process = psutil.Process(pod.pid)
        calls: dict[str, Callable[[], None]] = {
            "kill": process.kill,
            "pause": process.suspend,
            "resume": process.resume,
        }
        calls[action]()
    except psutil.Error as error:
        raise EnvironmentProblem(
            f"the process of {pod.name} could not be signalled ({action}): {error}"
        ) from error
    if action == "kill":
        comes_true(lambda: _pod(stack, word).state == "stopped", WAIT_SECONDS)
        stack.note("restart", pod.name)
        status = stack.status()
        stack.journal.add(*(event for event in pod_events(status, stack.now()) if event.pod == pod.name))
    return pod.name


def _pod(stack: JournaledStack, word: str) -> PodStatus:
    pods = {pod.name: pod for pod in stack.status().pods}
    name = resolve_pod(word, tuple(pods))
    if name is None:
        raise UsageProblem(f"no pod is called {word!r}", hint=f"the pods are {', '.join(pods)}")
    return pods[name]

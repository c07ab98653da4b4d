"""The one protocol of both backends: what every use case asks of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from devenv.core.model.topology import Endpoints, SettingChanges, StackSpec, StackStatus

Progress = Callable[[str], None]
"""Called with one short line per step of long work ("redis ready", "captcha-api-a ready")."""


class Stack(Protocol):
    """A stack of Redis, mock ML, pods and proxy; started fresh or attached to.

    All calls block. They raise ``EnvironmentProblem`` where the machine cannot do it (taken port, no
    engine, a pod that dies at start; its last log lines are in the message), and leave nothing behind then.
    """

    backend: str

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        """Bring everything up and return when every part is ready."""

    def stop(self) -> None:
        """End everything this stack started; idempotent."""

    def status(self) -> StackStatus:
        """What is running now; EnvironmentProblem ("no stack is running") where nothing is."""

    def endpoints(self) -> Endpoints:
        """Where to reach the parts."""

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """Restart the named pods side by side with these variables over their present ones; wait for them.

        An empty mapping for a pod restarts it as it is.
        """

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """Have exactly these pods: start those that are missing, then end those that are not named.

        A pod that is added has ``settings`` over what the stack gives to every pod; it gets requests when it
        is ready. A pod that is removed gets none from before it ends. ``policy`` (None: the present one) is
        the proxy's with the new pods. Raises UsageProblem for what is no pod's name, for no pod at all and
        for a policy that does not fit; where an added pod does not start, the pods are those of before.
        """

    def redis(self, action: str) -> None:
        """``pause`` (SIGSTOP), ``resume``, ``stop`` (SIGKILL, data lost) or ``start`` Redis; waits."""

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        """Log lines (``name | text``) of one part or of all, the last ``tail`` or all of them."""

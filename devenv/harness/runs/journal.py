"""What is done to a running stack, written down where every later command finds it.

``JournaledStack`` is a Stack that notes each restart of pods, with the settings that they come back with, and
each action on Redis, as StackEvents: an explanation needs to know which pod ran with what, and when.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from devenv.core.model.errors import DevenvError
from devenv.core.model.events import GIVEN, StackEvent, trace_event
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, SettingChanges, StackSpec, StackStatus
from devenv.core.model.vocabulary import resolve_pod
from devenv.harness.runs.folders import json_lines
from devenv.stack.files import append_private, state_folder, write_atomically
from devenv.stack.own_service import CONTRACT
from devenv.stack.protocol import Progress, Stack
from devenv.wire.control.client import ControlClient

JOURNAL = "stack-events.jsonl"
KEPT_EVENTS = 1000
TELL_SECONDS = 2.0
"""How long the control process may take to hear what was noted."""


class Journal(Protocol):
    """Where StackEvents are kept."""

    def add(self, *events: StackEvent) -> None:
        """Append some."""

    def events(self) -> list[StackEvent]:
        """Those that are kept, oldest first."""

    def clear(self) -> None:
        """Forget them: the stack is a new one."""


class MemoryJournal:
    """A journal for as long as this process lives."""

    def __init__(self) -> None:
        self._events: list[StackEvent] = []

    def add(self, *events: StackEvent) -> None:
        """As ``Journal.add``."""
        self._events += events

    def events(self) -> list[StackEvent]:
        """As ``Journal.events``."""
        return list(self._events)

    def clear(self) -> None:
        """As ``Journal.clear``."""
        self._events.clear()


class FileJournal:
    """A journal in a file of JSON lines that all commands share; the latest ``KEPT_EVENTS`` at least stay."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, *events: StackEvent) -> None:
        """As ``Journal.add``."""
        state_folder(self._path.parent)
        append_private(self._path, json_lines(event.to_json() for event in events))
        kept = self.events()
        if len(kept) > 2 * KEPT_EVENTS:
            write_atomically(self._path, json_lines(event.to_json() for event in kept[-KEPT_EVENTS:]))

    def events(self) -> list[StackEvent]:
        """As ``Journal.events``; a line that is none (half written) is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")
        except OSError:
            return []
        parsed = []
        for line in lines:
            with suppress(ValueError, TypeError, DevenvError):
                event = trace_event(json.loads(line))
                if isinstance(event, StackEvent):
                    parsed.append(event)
        return parsed

    def clear(self) -> None:
        """As ``Journal.clear``."""
        self._path.unlink(missing_ok=True)


def pod_events(status: StackStatus, when: float) -> list[StackEvent]:
    """How every pod runs: its public settings, WORKERS, and STATE where it does not run.

    Of a user-provided service also the names of the variables that decide over its Redis (``GIVEN``).
    """
    events = []
    for pod in status.pods:
        detail = {**pod.settings, "WORKERS": str(status.spec.workers)}
        if status.spec.service is not None:
            detail[GIVEN] = ", ".join(_given(status.spec, status.spec.service, pod.name))
        events.append(
            StackEvent(
                when, "pod", pod.name, detail if pod.state != "stopped" else {**detail, "STATE": pod.state}
            )
        )
    return events


def _given(spec: StackSpec, service: ServiceSpec, pod: str) -> list[str]:
    """The variables that this pod alone was given, past the contract's, and REDIS_HOST and REDIS_PORT where
    the person has set them: names only, as a value may be a secret.
    """
    of_file = {
        name: value
        for word, env in service.pod_env.items()
        if resolve_pod(word, spec.pod_names) == pod
        for name, value in env.items()
    }
    alone = {**of_file, **spec.pod_env.get(pod, {})}
    everywhere = {**service.env, **spec.env, **alone}
    names = {name for name in alone if name not in CONTRACT}
    names |= {name for name in ("REDIS_HOST", "REDIS_PORT") if "{" not in everywhere.get(name, "{")}
    return [name if everywhere[name] else f"{name} (empty)" for name in sorted(names)]


class JournaledStack:
    """A Stack that notes in ``journal`` what is done to it. ``clock`` gives seconds since the epoch."""

    def __init__(self, stack: Stack, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self.stack = stack
        self.journal = journal
        self.backend = stack.backend
        self._clock = clock

    def now(self) -> float:
        """The time that notes have, in seconds since the epoch."""
        return self._clock()

    def note(self, what: str, pod: str | None = None, /, **detail: str) -> None:
        """Note something that was done past the stack's own methods."""
        self._add(StackEvent(self._clock(), what, pod, detail))

    def _add(self, *events: StackEvent) -> None:
        """Note these, and tell the control process, for the pages that are open."""
        self.journal.add(*events)
        data = {"events": [event.to_json() for event in events]}
        with suppress(DevenvError), ControlClient(self.stack.endpoints().control, TELL_SECONDS) as client:
            client.request("POST", "/stack-events", json=data)  # where nothing answers, no page is open

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        """As ``Stack.start``; the journal begins anew. Raises UsageProblem for a spec that cannot be."""
        spec.check()
        status = self.stack.start(spec, progress)
        self.journal.clear()
        self._add(*pod_events(status, self._clock()))
        return status

    def stop(self) -> None:
        """As ``Stack.stop``."""
        self.stack.stop()

    def status(self) -> StackStatus:
        """As ``Stack.status``."""
        return self.stack.status()

    def endpoints(self) -> Endpoints:
        """As ``Stack.endpoints``."""
        return self.stack.endpoints()

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """As ``Stack.restart_pods``; notes the end of each pod and how it came back, or that it did not."""
        began = self._clock()
        try:
            self.stack.restart_pods(settings, progress)
        except BaseException:
            with suppress(DevenvError):  # the error of the restart is the one to show
                self._note_restart(settings, began)
            raise
        self._note_restart(settings, began)

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """As ``Stack.set_pods``; notes which pods ended, and how the new ones run."""
        before, began = self.stack.status().spec.pod_names, self._clock()
        self.stack.set_pods(pods, settings, policy, progress)
        status, now = self.stack.status(), self._clock()
        ended = [pod for pod in before if pod not in status.spec.pod_names]
        self._add(*(StackEvent(began, "restart", pod, {"removed": "true"}) for pod in ended))
        self._add(*(event for event in pod_events(status, now) if event.pod not in before))

    def _note_restart(self, settings: Mapping[str, SettingChanges], began: float) -> None:
        status, now = self.stack.status(), self._clock()
        names = [resolve_pod(word, status.spec.pod_names) for word in settings]
        back = [event for event in pod_events(status, now) if event.pod in names]
        self._add(*(StackEvent(began, "restart", event.pod) for event in back), *back)

    def redis(self, action: str) -> None:
        """As ``Stack.redis``; an action that fails is not noted."""
        began = self._clock()
        self.stack.redis(action)
        # Redis is away from the beginning of what takes it away, and back at the end of what brings it back.
        when = began if action in ("stop", "pause") else self._clock()
        self._add(StackEvent(when, "redis", None, {"action": action}))

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        """As ``Stack.logs``."""
        return self.stack.logs(name, tail=tail, follow=follow)


def journaled(stack: Stack) -> JournaledStack:
    """``stack`` itself where it is journaled already, else with a journal of this process."""
    return stack if isinstance(stack, JournaledStack) else JournaledStack(stack, MemoryJournal())

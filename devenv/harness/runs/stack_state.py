"""How a stack stood, and since when: settings of its pods, whether Redis was there and had answered them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from devenv.core.balancers.own_file import own_file
from devenv.core.model.events import BALANCER_FILE, StackEvent
from devenv.core.model.topology import StackStatus
from devenv.harness.runs.journal import pod_events

_STATE = ("service", BALANCER_FILE, "pod", "restart", "redis")
"""Events of which the latest says how the stack stands."""
_STATES = {"pause": "paused", "resume": "running", "stop": "stopped", "start": "running"}
_ACTIONS = {"paused": "pause", "stopped": "stop", "running": "start"}


def state_before(
    status: StackStatus, noted: Sequence[StackEvent], gate: Mapping[str, Any], when: float
) -> list[StackEvent]:
    """The state of the stack at ``when``, as the events that led to it, at their own times.

    ``noted``: the journal's events. ``gate``: what ``GET /gate`` tells, empty where there is no gate.
    """
    events = stack_events(status, noted, gate, when, when)
    latest: dict[tuple[str, str | None], StackEvent] = {}
    for event in sorted(events, key=lambda event: event.time):
        state = event.what != "redis" or event.detail.get("action") in _STATES
        if event.time <= when and state and event.what in _STATE:
            latest[event.what, event.pod] = event
    noted_pods = {event.pod for event in noted if event.what == "pod"}
    # Without a journal it is not known whether Redis answered the pod's present process or an earlier one.
    connected = [event for event in _connected(gate) if event.time <= when and event.pod in noted_pods]
    return [*latest.values(), *connected]


def stack_events(
    status: StackStatus, noted: Sequence[StackEvent], gate: Mapping[str, Any], since: float, now: float
) -> list[StackEvent]:
    """All that is known of what was done to the stack up to ``now``, with the outages of Redis at the gate.

    A pod of which the journal has nothing is taken to stand as it stands now since ``since``; one that no
    longer stands as the journal says has changed by ``now``.
    """
    past = [event for event in noted if event.time <= now]
    last = {event.pod: event for event in past if event.what == "pod"}
    pods = [
        replace(event, time=now if event.pod in last else since)
        for event in pod_events(status, now)
        if event.pod not in last or last[event.pod].detail != event.detail
    ]
    known = [*_service(status, since), *_balancer_file(status, since)]
    return [*known, *past, *pods, *_outages(status, past, gate, now)]


def _service(status: StackStatus, when: float) -> list[StackEvent]:
    service = status.spec.service
    if service is None:
        return []
    profile = replace(service.profile.public(), headers={})  # a trace is read without their values
    return [StackEvent(when, "service", None, {"profile": json.dumps(profile.to_json())})]


def _balancer_file(status: StackStatus, when: float) -> list[StackEvent]:
    """What a team's own file of the load balancer says of the choice of pods; never the file itself."""
    spec = status.spec
    if not spec.balancer_config:
        return []
    product = spec.balancer.partition(":")[0]
    rules = own_file(spec.balancer_file, spec.balancer_config, product).rules
    detail = {"file": rules.file, "rules": json.dumps(rules.to_json())}
    return [StackEvent(when, BALANCER_FILE, None, detail)]


def _connected(gate: Mapping[str, Any]) -> list[StackEvent]:
    """For each pod when Redis last answered it, by the gate's own record."""
    return [
        StackEvent(float(pod["answered"]), "connected", str(pod["pod"]))
        for pod in gate.get("pods", ())
        if pod.get("answered") is not None
    ]


def _outages(
    status: StackStatus, noted: Sequence[StackEvent], gate: Mapping[str, Any], now: float
) -> list[StackEvent]:
    """Stops and starts of Redis that the journal does not have: it was killed past the stack."""
    known = [(e.time, _STATES[e.detail["action"]]) for e in noted if e.detail.get("action") in _STATES]
    events: list[StackEvent] = []
    changes = [(float(change["time"]), str(change["what"])) for change in gate.get("reach", ())]
    for index, (time, what) in enumerate(changes):
        before = changes[index - 1] if index else (time, what)
        if what == "refused":
            stopped = before[0] if before[1] == "lost" else time
            if _state(known, stopped) == "running":
                events.append(StackEvent(stopped, "redis", None, {"action": "stop"}))
        elif what == "reached" and before[1] == "refused" and _state(known, time) == "running":
            events.append(StackEvent(time, "redis", None, {"action": "start"}))
    both = sorted([*known, *((e.time, _STATES[e.detail["action"]]) for e in events)])
    if status.redis_state != _state(both, now):
        lost = changes[-1][0] if changes and changes[-1][1] == "lost" else now
        events.append(StackEvent(lost, "redis", None, {"action": _ACTIONS[status.redis_state]}))
    return events


def _state(known: Sequence[tuple[float, str]], when: float) -> str:
    before = [state for time, state in known if time <= when]
    return before[-1] if before else "running"

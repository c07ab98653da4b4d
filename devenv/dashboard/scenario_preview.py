"""The picture of a scenario before it is played: its steps as messages, without the store's part in them."""

from __future__ import annotations

from dataclasses import asdict
from functools import singledispatch
from typing import Any

from devenv.core.model.vocabulary import resolve_pod
from devenv.core.render.sequence import SequenceMessage
from devenv.core.scenario import model
from devenv.core.scenario.model import Scenario

PROXY = "proxy"
REDIS = "redis"


def sketch(scenario: Scenario) -> list[dict[str, Any]]:
    """Its messages as plain dicts, in the order of the steps; ``time`` counts them."""
    pods = scenario.stack.pod_names
    messages: list[SequenceMessage] = []
    for step in scenario.steps:
        for source, target, label, kind in _messages(step):
            start, end = (resolve_pod(word, pods) or word for word in (source, target))
            messages.append(SequenceMessage(float(len(messages)), start, end, label, kind))
    return [asdict(message) for message in messages]


_Drawn = list[tuple[str, str, str, Any]]


def _sent(pod: str | None, label: str) -> tuple[str, str, str, Any]:
    return ("client", pod or PROXY, label, "request")


def _noted(where: str, label: str) -> tuple[str, str, str, Any]:
    return (where, where, label, "note")


@singledispatch
def _messages(step: Any) -> _Drawn:
    """Of one step; ``step`` is any of ``model.Step`` without a picture of its own."""
    return []


@_messages.register
def _(step: model.Create) -> _Drawn:
    return [_sent(step.pod, f"create {step.session}")]


@_messages.register
def _(step: model.Verify) -> _Drawn:
    return [_sent(step.pod, f"verify {step.session}: {step.answer}")]


@_messages.register
def _(step: model.Request) -> _Drawn:
    return [_sent(step.pod, f"{step.method} {step.target}")]


@_messages.register
def _(step: model.Get) -> _Drawn:
    return [_sent(step.pod, f"GET {step.path}")]


@_messages.register
def _(step: model.Together) -> _Drawn:
    return [
        _noted("client", f"{len(step.verifies)} at the same time"),
        *(message for verify in step.verifies for message in _messages(verify)),
    ]


@_messages.register
def _(step: model.Restart) -> _Drawn:
    changes = " ".join(f"{name}={value}" for name, value in step.env.items())
    return [_noted(pod, f"restart {changes}".strip()) for pod in step.pods]


@_messages.register
def _(step: model.Toggle) -> _Drawn:
    return [_noted(pod, f"USE_REDIS={str(step.use_redis).lower()}") for pod in step.pods]


@_messages.register
def _(step: model.RedisServer) -> _Drawn:
    return [_noted(REDIS, step.action)]


@_messages.register
def _(step: model.RedisCommandStep) -> _Drawn:
    return [_noted(REDIS, " ".join(step.words))]


@_messages.register
def _(step: model.KeyEvent) -> _Drawn:
    return [_noted(REDIS, f"{step.event} {step.session}")]


@_messages.register
def _(step: model.Gate) -> _Drawn:
    return [_noted("gate", "rules off" if step.rules is None else "rules on")]


@_messages.register
def _(step: model.Pause) -> _Drawn:
    return [_noted("client", f"wait {step.seconds:g} s")]

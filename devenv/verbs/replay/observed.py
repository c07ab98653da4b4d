"""One step of a play: what it is in words, what is expected of it, what was observed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.model.vocabulary import Answer
from devenv.core.scenario import (
    Create,
    Gate,
    GateRule,
    Get,
    KeyEvent,
    Pause,
    Redis,
    RedisCommandStep,
    RedisServer,
    Request,
    Restart,
    Step,
    Together,
    Toggle,
    Verify,
)
from devenv.harness.client.exchanges import Verified

_EMPTY = '""'
ORDER_NOT_MET = "order_not_met"
"""The name under which a step shows why its order was not met."""
NOT_SERIAL = "not_serial"
"""The name under which a step shows that none of its sequences explains its answers."""
IDLE_RULE = "idle_rule"
"""The name under which a step shows that a rule of its gate met no command."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One step as it went."""

    number: int
    """From 1."""
    line: int
    """Of the scenario's file."""
    title: str
    """The step in words."""
    shown: Mapping[str, Any]
    """What was observed, as far as repeats of it have it in common: no ids, no times."""
    deviations: tuple[str, ...]
    """What is not as the scenario expects, a sentence each."""
    seconds: float = 0.0
    """How long it took."""
    prevented: tuple[str, ...] = ()
    """Where the play is measured against no store: what did not work that the scenario says nothing about and
    that every judgement needs (a create, a restart), a sentence each."""

    @property
    def order_not_met(self) -> str | None:
        """Why the order of the step's Redis commands was not met; None where it was, or there is none."""
        reason: str | None = self.shown.get(ORDER_NOT_MET)
        return reason

    @property
    def idle_rule(self) -> str | None:
        """That a rule which the step put in force met no command, in words; None where each met one."""
        reason: str | None = self.shown.get(IDLE_RULE)
        return reason

    @property
    def not_serial(self) -> str | None:
        """That none of the step's sequences explains its answers, in words; None where one does."""
        reason: str | None = self.shown.get(NOT_SERIAL)
        return reason

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``deviations`` only where there are any."""
        observed = {"step": self.number, "do": self.title, **self.shown}
        wrong = [*self.prevented, *self.deviations]
        return {**observed, "deviations": wrong} if wrong else observed


def verify_facts(result: Verified) -> dict[str, Any]:
    """What can be checked of a verify."""
    return {
        "outcome": str(result.outcome),
        "success": result.body.get("success"),
        "message": result.message,
        "attempts": result.attempts,
        "downshift": result.downshift,
        "status": result.status,
        "seconds": result.ended - result.started,
    }


def title(step: Step, *, answered: bool = True) -> str:
    """One step in words: "verify alice on captcha-api-b: right"; without ``answered`` no answer is named."""
    match step:
        case Create(session=session, pod=pod, word_differs_from=other, node=node):
            more = f", another word than {other}'s" if other else ""
            return f"create {session}{_on(pod)}{more}" + (f", its key on the {node} node" if node else "")
        case Verify(session=session, pod=pod):
            return f"verify {session}{_on(pod)}" + (f": {spoken(step)}" if answered else "")
        case Together(verifies=verifies, names=names):
            named = [f"{name}: " for name in names] or [""] * len(verifies)
            parts = (
                name + title(part, answered=answered) for name, part in zip(named, verifies, strict=True)
            )
            return "together: " + "; ".join(parts)
        case Restart(pods=pods, env=env):
            given = [f"{name}={value or _EMPTY}" for name, value in env.items() if value is not None]
            taken = [f"without {name}" for name, value in env.items() if value is None]
            settings = [*([f"with {' '.join(given)}"] if given else ()), *taken]
            return " ".join((f"restart {', '.join(pods)}", *settings))
        case Toggle(pods=pods, use_redis=on):
            return f"restart {', '.join(pods)} with USE_REDIS={'true' if on else 'false'}"
        case Redis(session=session):
            return f"look at the Redis key of {session}"
        case RedisCommandStep(words=words):
            return f"Redis command {' '.join(words)}"
        case RedisServer(action=action):
            return f"{action} Redis"
        case KeyEvent(event="failover", session=session):
            return f"a replica without the key of {session} takes over its slot"
        case KeyEvent(event=event, session=session):
            return f"{event} the Redis key of {session}"
        case Gate(rules=rules):
            if rules is None:
                return "gate: as it was"
            every = list(dict.fromkeys(rule_title(rule) for some in rules.values() for rule in some))
            return "gate: " + "; ".join(every)
        case Get(path=path, pod=pod):
            return f"GET {_without_query(path)}{_on(pod)}"
        case Request(method=method, target=target, pod=pod):
            return f"{method} {_without_query(target)}{_on(pod)}"
        case Pause(seconds=seconds):
            return f"pause {seconds:g} s"


def rule_title(rule: GateRule) -> str:
    """A rule of the gate in words: "error EXEC (OOM …), the 1st"."""
    parts = [str(rule["action"]), str(rule.get("command", "every command"))]
    parts += [f"of {rule['pod']}"] if "pod" in rule else []
    parts += [f"on {rule['key']}"] if "key" in rule else []
    parts += [f"({rule['text']})"] if "text" in rule else []
    parts += [f"for {rule['seconds']:g} s"] if "seconds" in rule else []
    parts += [f"no. {rule['nth']}"] if "nth" in rule else []
    parts += [f"{rule['times']} times"] if "times" in rule else []
    return " ".join(parts)


def spoken(step: Verify) -> str:
    """The answer in words."""
    return str(step.answer) if isinstance(step.answer, Answer) else str(list(step.answer))


def _without_query(target: str) -> str:
    """A path as a step is named: what its query says may be a secret, and names stand in reports."""
    return target.partition("?")[0].partition("#")[0]


def _on(pod: str | None) -> str:
    return f" on {pod}" if pod else ""


def with_names(data: Any, names: Mapping[str, str]) -> Any:
    """``data`` with ``<name>`` for each value of ``names`` that stands in a text as a word of its own."""
    if isinstance(data, Mapping):
        return {with_names(key, names): with_names(value, names) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [with_names(value, names) for value in data]
    if isinstance(data, str):
        for value, name in names.items():
            if value in data:
                data = re.sub(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", f"<{name}>", data)
    return data

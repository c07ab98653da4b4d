"""The gate of a running stack: its rules, what it holds now, and how to let that go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import resolve_pod
from devenv.core.resp.command_shapes import shape_of
from devenv.harness.runs.journal import JournaledStack
from devenv.wire.control.client import ControlClient
from devenv.wire.gate.rules import Rule, Seen, matches_name


@dataclass(frozen=True, slots=True)
class GateState:
    """What ``GET /gate``, ``/rules`` and ``/held`` say."""

    status: Mapping[str, Any]
    rules: tuple[Mapping[str, Any], ...]
    held: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``devenv gate list --json``."""
        return {"gate": dict(self.status), "rules": list(self.rules), "held": list(self.held)}


class GateClient:
    """Talks to the control API of a running stack's gate; what it changes is noted in the stack's journal.

    Every call raises EnvironmentProblem where the stack has no gate or does not answer, and UsageProblem
    with the gate's own words where it refuses.
    """

    def __init__(self, stack: JournaledStack) -> None:
        self._stack = stack
        self._status = stack.status()
        self._control = ControlClient(self._status.endpoints.control)

    def state(self) -> GateState:
        """Everything there is to see."""
        held, rules = self._control.held(), self._control.rules()
        return GateState(self._control.gate(), tuple(rules), tuple(held))

    def put(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """Put a rule in force (the same again replaces it) and give it in full, with its id and counts.

        ``rule`` has the fields of ``devenv.wire.gate.Rule``; those that are None are left out.
        Raises UsageProblem for an invalid rule.
        """
        body = {name: value for name, value in rule.items() if value is not None}
        try:
            Rule.from_json(body)
        except UsageProblem as problem:
            raise _refused(problem.message, problem.hint) from problem
        if "pod" in body:
            body["pod"] = self._pod(str(body["pod"]))
        added = self._control.add_rule(body)
        self._stack.note("rule", added.get("pod"), action=str(added["action"]), rule=str(added["id"]))
        return added

    def patience(self, pod: str | None) -> float | None:
        """Seconds after which this pod, or the first of all, gives up a command; None: not known."""
        timeouts = [
            status.settings.get("REDIS_TIMEOUT_MS", "")
            for status in self._status.pods
            if pod in (None, status.name)
        ]
        return min((int(ms) / 1000 for ms in timeouts if ms.isdecimal()), default=None)

    def remove(self, rule_id: str) -> None:
        """Take one rule out of force and let go what it holds. UsageProblem where there is no such rule."""
        known = [str(rule["id"]) for rule in self._control.rules()]
        if rule_id not in known:
            raise UsageProblem(
                f"the gate has no rule {rule_id!r}", hint=f"its rules are {', '.join(known) or 'none'}"
            )
        self._control.remove_rule(rule_id)
        self._stack.note("rule", None, action="removed", rule=rule_id)

    def release(
        self,
        *,
        seq: int | None = None,
        pod: str | None = None,
        command: str | None = None,
        rule: str | None = None,
        then: str | None = None,
    ) -> list[dict[str, Any]]:
        """Let go what is held and fits all that is given; what it was. ``then`` is one of gate.Then."""
        full = None if pod is None else self._pod(pod)
        wanted = {"seq": seq, "pod": full, "command": command, "rule": rule, "then": then}
        body = {name: value for name, value in wanted.items() if value is not None}
        return self._control.release(body)

    def reset(self) -> dict[str, Any]:
        """No rules, nothing held; what was let go (``released``) and which connections were ``closed``."""
        ended = self._control.reset_gate()
        self._stack.note("rule", None, action="reset")
        return ended

    def _pod(self, word: str) -> str:
        pods = self._status.spec.pod_names
        pod = resolve_pod(word, pods)
        if pod is None:
            raise UsageProblem(f"no pod is called {word!r}", hint=f"the pods are {', '.join(pods)}")
        return pod


SENT_AS: Mapping[str, str] = {"INCR": "INCRBY", "DECR": "DECRBY"}
"""The command that redis-py and valkey-py send for the method of this name (redis/commands/core.py)."""


def never_met(rule: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The commands seen so far, where ``rule`` names a command and none of them fits it; else None.

    ``status`` is that of the gate. Handshake commands are not among them, and a rule that names one is
    not judged.
    """
    pattern = rule.get("command")
    if pattern is None or shape_of(str(pattern).encode().split() or [b""]).handshake:
        return None
    seen = dict.fromkeys(
        name
        for pod, names in status.get("seen", {}).items()
        if rule.get("pod") in (None, pod)
        for name in names
    )
    fits = any(matches_name(str(pattern), Seen("", name, None)) for name in seen)
    return None if fits else tuple(sorted(seen))


def _refused(why: str, hint: str | None = None) -> UsageProblem:
    return UsageProblem(f"the gate refuses: {why}", hint=hint or "see `devenv gate --help`")

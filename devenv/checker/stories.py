"""Joins a trace, the proxy's exchanges and the gate's Redis commands, into one story per challenge.

A connection is not a request (redis-py takes a pooled connection per command), so a command belongs to a
request of its pod that was under way when it came, and where several were, to one of the command's challenge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from devenv.core.captcha_http import CHALLENGE_FIELD, CREATES, VERIFIES, outcome_of
from devenv.core.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.vocabulary import CaptchaType, Outcome

CallKind = Literal["create", "verify"]

_WRITES = frozenset(
    {"SET", "SETEX", "PSETEX", "SETNX", "GETSET", "HSET", "HMSET", "HINCRBY", "INCR", "APPEND"}
)
_DELETES = frozenset({"DEL", "UNLINK", "GETDEL"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
_READS = frozenset(
    {"GET", "TTL", "PTTL", "EXISTS", "MGET", "HGET", "HGETALL", "HMGET", "GETEX", "STRLEN", "TYPE"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """One Redis command as it took effect: ``at`` orders the steps of all pods (a transaction's run at EXEC).

    ``reply`` is None where none came; ``lost`` where it came and the pod never got it.
    """

    command: RedisCommand
    at: float
    reply: str | None

    @property
    def name(self) -> str:
        """GET, SETEX, …"""
        return self.command.command

    @property
    def key(self) -> str:
        """The whole key, with its prefix."""
        return self.command.key or ""

    @property
    def lost(self) -> bool:
        """Redis answered, but the answer did not reach the pod."""
        return self.command.answered is not None and self.command.delivered is None

    @property
    def failed(self) -> bool:
        """It had no effect, as far as anybody knows: no reply, or an error for one."""
        return self.reply is None or self.reply.startswith("-")

    @property
    def is_write(self) -> bool:
        """It may have set the key (a script may have)."""
        return self.name in _WRITES or self.name in _SCRIPTS

    @property
    def is_plain_write(self) -> bool:
        """It replaced the key's value, without looking."""
        return self.name in ("SET", "SETEX", "PSETEX")

    @property
    def is_read(self) -> bool:
        """It only looked."""
        return self.name in _READS

    @property
    def deleted(self) -> bool:
        """It removed the key."""
        return self.name in _DELETES and self.reply not in (None, "0") and not self.failed

    @property
    def value(self) -> str:
        """The value that a plain write gave the key."""
        position = 2 if self.name in ("SETEX", "PSETEX") else 1
        return self.command.args[position] if len(self.command.args) > position else ""

    @property
    def leaves_no_ttl(self) -> bool:
        """A SET that neither gives nor keeps a time to live."""
        options = {arg.upper() for arg in self.command.args[2:]}
        return self.name == "SET" and not options & {"EX", "PX", "EXAT", "PXAT", "KEEPTTL"}

    def __str__(self) -> str:
        shown = {"(nil)": "nothing", None: "no reply"}.get(self.reply, self.reply)
        if shown is not None and len(shown) > 40:
            shown = shown[:39] + "…"
        return f"redis #{self.command.seq} {self.command.pod}: {self.name} → {shown}"


@dataclass(frozen=True, slots=True)
class Call:
    """A create or verify with the Redis commands that its pod sent for it, in the order of their effect."""

    exchange: Exchange
    kind: CallKind
    captcha: CaptchaType
    challenge: str | None
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def pod(self) -> str:
        """The pod that served it; empty where none was reached."""
        return self.exchange.pod or ""

    @property
    def started(self) -> float:
        """Seconds since the epoch."""
        return self.exchange.started

    @property
    def ended(self) -> float:
        """Seconds since the epoch."""
        return self.exchange.started + self.exchange.duration_ms / 1000

    @property
    def outcome(self) -> Outcome:
        """How the verify ended (of a create: meaningless)."""
        return outcome_of(self.exchange.status, self.answer)

    @property
    def attempts(self) -> int | None:
        """The count of attempts that the answer carries."""
        count = self.answer.get("attempts")
        return count if isinstance(count, int) else None

    @property
    def wrote(self) -> Step | None:
        """Its first successful write."""
        return next((step for step in self.steps if step.is_write and not step.failed), None)

    @property
    def read(self) -> Step | None:
        """Its first command that looked at the session, whatever came of it."""
        return next((step for step in self.steps if step.is_read or step.is_write), None)

    def __str__(self) -> str:
        told = self.answer.get("message") or ("success" if self.outcome is Outcome.SUCCESS else self.outcome)
        said = "" if self.kind == "create" else f" → {told}"
        return f"exchange #{self.exchange.seq} {self.pod or 'no pod'}: {self.kind}{said}"


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened to one challenge. ``create`` is None where the trace begins later."""

    challenge: str
    create: Call | None
    verifies: tuple[Call, ...]
    steps: tuple[Step, ...]
    calls: Mapping[int, Call]

    def owner(self, step: Step) -> Call | None:
        """The call that sent this step's command."""
        return self.calls.get(step.command.seq)

    def before(self, call: Call) -> tuple[Call, ...]:
        """The verifies that were answered before ``call`` began."""
        return tuple(other for other in self.verifies if other.ended <= call.started)


@dataclass(frozen=True, slots=True)
class Joined:
    """A whole trace: stories in the order of their first request, and what was done to the stack."""

    stories: tuple[Story, ...]
    calls: tuple[Call, ...]
    steps: tuple[Step, ...]
    stack: tuple[StackEvent, ...]

    def settings(self, pod: str, when: float) -> Mapping[str, str]:
        """What ``pod`` was last said to run with at ``when``; empty where the trace does not tell."""
        known = [
            event for event in self.stack if event.what == "pod" and event.pod == pod and event.time <= when
        ]
        return known[-1].detail if known else {}

    def restarted(self, pod: str, after: float, before: float) -> bool:
        """Whether ``pod`` was ended between two times."""
        return any(e.what == "restart" and e.pod == pod and after <= e.time <= before for e in self.stack)

    def redis_state(self, when: float) -> str:
        """running, paused or stopped at ``when``, as far as the trace tells."""
        states = {"pause": "paused", "resume": "running", "stop": "stopped", "start": "running"}
        done = [event for event in self.stack if event.what == "redis" and event.time <= when]
        known = [states[e.detail.get("action", "")] for e in done if e.detail.get("action", "") in states]
        return known[-1] if known else "running"


def join(trace: Iterable[TraceEvent]) -> Joined:
    """Join a trace's events, in any order, into stories."""
    events = list(trace)
    exchanges = sorted((e for e in events if isinstance(e, Exchange)), key=lambda e: (e.started, e.seq))
    commands = sorted((e for e in events if isinstance(e, RedisCommand)), key=lambda e: e.seq)
    stack = tuple(sorted((e for e in events if isinstance(e, StackEvent)), key=lambda e: e.time))
    bare = [call for exchange in exchanges if (call := _call(exchange)) is not None]
    steps = _steps(commands)
    owners = {step.command.seq: _owner(step, bare) for step in steps}
    calls = [_with_steps(call, [s for s in steps if owners[s.command.seq] is call]) for call in bare]
    by_exchange = {call.exchange.seq: call for call in calls}
    owned = {seq: by_exchange[owner.exchange.seq] for seq, owner in owners.items() if owner is not None}
    challenges = dict.fromkeys(call.challenge for call in calls if call.challenge)
    stories = tuple(_story(challenge, calls, steps, owned) for challenge in challenges)
    return Joined(stories, tuple(calls), tuple(steps), stack)


def _story(challenge: str, calls: Sequence[Call], steps: Sequence[Step], owned: Mapping[int, Call]) -> Story:
    mine = [call for call in calls if call.challenge == challenge]
    return Story(
        challenge,
        next((call for call in mine if call.kind == "create"), None),
        tuple(call for call in mine if call.kind == "verify"),
        tuple(step for step in steps if challenge in step.key),
        owned,
    )


def _call(exchange: Exchange) -> Call | None:
    path = exchange.path.partition("?")[0].rstrip("/")
    kind: CallKind = "create" if path in CREATES else "verify"
    captcha = CREATES.get(path) or VERIFIES.get(path)
    if captcha is None or exchange.method != "POST":
        return None
    request, answer = _object(exchange.request_body), _object(exchange.response_body)
    challenge = (answer if kind == "create" else request).get(CHALLENGE_FIELD)
    challenge = challenge if isinstance(challenge, str) and challenge else None
    return Call(exchange, kind, captcha, challenge, request, answer, ())


def _object(body: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(body or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _with_steps(call: Call, steps: Iterable[Step]) -> Call:
    return Call(
        call.exchange, call.kind, call.captcha, call.challenge, call.request, call.answer, tuple(steps)
    )


def _steps(commands: Sequence[RedisCommand]) -> list[Step]:
    """The keyed commands in the order of their effect; those of a transaction take effect at its EXEC."""
    queued: dict[tuple[str, int], list[RedisCommand]] = {}
    steps: list[Step] = []
    for command in commands:
        connection = (command.pod, command.connection)
        if command.command == "EXEC":
            replies = _replies(command.reply)
            for position, inner in enumerate(queued.pop(connection, [])):
                reply = replies[position] if position < len(replies) else command.reply
                steps.append(Step(_executed(inner, command), _moment(command), reply))
        elif command.command == "DISCARD":
            queued.pop(connection, None)
        elif command.key is not None and command.reply == "QUEUED":
            queued.setdefault(connection, []).append(command)
        elif command.key is not None:
            steps.append(Step(command, _moment(command), command.reply))
    return sorted(steps, key=lambda step: (step.at, step.command.seq))


def _executed(inner: RedisCommand, execute: RedisCommand) -> RedisCommand:
    """A queued command with the times and the fate of its EXEC."""
    return RedisCommand(
        seq=inner.seq,
        pod=inner.pod,
        connection=inner.connection,
        command=inner.command,
        args=inner.args,
        key=inner.key,
        reply=inner.reply,
        received=inner.received,
        answered=execute.answered,
        fate=execute.fate,
        forwarded=execute.forwarded,
        delivered=execute.delivered,
        rule=execute.rule,
    )


def _replies(reply: str | None) -> list[str | None]:
    """The replies of a transaction's commands, from the printable form ``[OK, 1]``."""
    if reply is None or not (reply.startswith("[") and reply.endswith("]")):
        return []
    return list(reply[1:-1].split(", "))


def _moment(command: RedisCommand) -> float:
    """When Redis ran it: just before its answer came, else when it was sent on."""
    return command.answered or command.forwarded or command.received


def _owner(step: Step, calls: Sequence[Call]) -> Call | None:
    """The call under way on its pod when it came; where there are several, one of the key's challenge."""
    command = step.command
    under_way = [
        call for call in calls if call.pod == command.pod and call.started <= command.received <= call.ended
    ]
    same = [call for call in under_way if call.challenge is not None and call.challenge in step.key]
    return next(iter(same or under_way), None)

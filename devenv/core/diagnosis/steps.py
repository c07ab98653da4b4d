"""Redis commands as steps: each with the moment and the reply of its effect, queued ones at their EXEC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from devenv.core.diagnosis.attribution import SCRIPTS
from devenv.core.model.events import RedisCommand
from devenv.core.resp.values import Redirection, redirection

_WRITES = frozenset(
    {"SET", "SETEX", "PSETEX", "SETNX", "GETSET", "HSET", "HMSET", "HINCRBY", "INCR", "APPEND"}
)
_DELETES = frozenset({"DEL", "UNLINK", "GETDEL"})
_READS = frozenset(
    {"GET", "TTL", "PTTL", "EXISTS", "MGET", "HGET", "HGETALL", "HMGET", "GETEX", "STRLEN", "TYPE"}
)
_GIVES_VALUE = frozenset({"GET", "GETEX", "GETDEL", "GETSET", "HGET"})
"""Their replies are what a key holds."""
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_KEEPS_TTL = frozenset({"EX", "PX", "EXAT", "PXAT", "KEEPTTL"})

NIL = "(nil)"
"""How a missing value is printed in a trace."""

LONGEST_REPLY = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One Redis command as it took effect."""

    command: RedisCommand
    at: float
    """The moment of its effect, by which the steps of all pods are ordered; in a transaction that of EXEC."""
    reply: str | None
    """As the trace prints it; None where none came."""

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
        """It ran, and its reply was lost on the way to a pod that still waited for it."""
        command = self.command
        return command.answered is not None and command.delivered is None and command.fate != "undelivered"

    @property
    def unreported(self) -> bool:
        """It went to Redis and the gate cannot know its reply: the pod wanted none, or it is not matched."""
        return self.command.fate in ("unmatched", "no-reply") and self.command.forwarded is not None

    @property
    def silent(self) -> bool:
        """The pod waited for a reply in vain: Redis gave none, or gave it when the pod had gone."""
        unasked = self.unreported or self.refused_unheard
        return self.command.delivered is None and not self.lost and not unasked

    @property
    def refused_unheard(self) -> bool:
        """A rule of the gate refused it, and no error came back: the pod wanted no reply."""
        return self.command.fate == "error" and self.reply is None

    @property
    def failed(self) -> bool:
        """It had no effect that the trace shows: no reply where one was due, or an error."""
        return not self.unreported if self.reply is None else is_error(self.reply)

    @property
    def is_write(self) -> bool:
        """It may have set the key (a script may have)."""
        return self.name in _WRITES or self.name in SCRIPTS

    @property
    def is_plain_write(self) -> bool:
        """It replaced the key's value, whatever it was."""
        return self.name in ("SET", "SETEX", "PSETEX")

    @property
    def is_read(self) -> bool:
        """It only read."""
        return self.name in _READS

    @property
    def redirection(self) -> Redirection | None:
        """The node that a cluster's node named instead of running it; None where it did not."""
        return redirection(self.reply[1:]) if self.reply is not None and is_error(self.reply) else None

    @property
    def to_be_sent_again(self) -> bool:
        """A cluster's node did not run it: another one owns the key's slot, or the slot is just moving."""
        return self.redirection is not None or (self.reply or "").startswith("-TRYAGAIN")

    @property
    def looked(self) -> bool:
        """It asked whether the key is there, and what it holds: a read, or a command that also removes it."""
        return self.is_read or self.name in _DELETES

    @property
    def deleted(self) -> bool:
        """It removed the key."""
        return self.name in _DELETES and self.reply not in ("0", NIL, None) and not self.failed

    @property
    def may_have_deleted(self) -> bool:
        """It may have removed the key: its reply, which would tell, is not known."""
        return self.name in _DELETES and self.unreported

    @property
    def saw_the_key(self) -> bool:
        """Its reply proves that the key existed."""
        if self.failed or self.lost or self.reply is None:
            return False
        if self.name in ("TTL", "PTTL"):
            return self.reply != "-2"
        return self.deleted or (self.is_read and self.reply not in (NIL, "0", "none"))

    @property
    def saw_nothing(self) -> bool:
        """Its reply proves that the key did not exist."""
        nothing = {"TTL": "-2", "PTTL": "-2", "DEL": "0", "UNLINK": "0", "EXISTS": "0"}
        return self.looked and self.reply == nothing.get(self.name, NIL)

    @property
    def value(self) -> str:
        """The value that a plain write gave the key."""
        position = 2 if self.name in ("SETEX", "PSETEX") else 1
        return self.command.args[position] if len(self.command.args) > position else ""

    @property
    def gave_contents(self) -> bool:
        """Its reply is what a key holds, and neither a number nor JSON: a session in PHP's form, a pickle."""
        reply = self.reply
        if self.name not in _GIVES_VALUE or reply is None or reply == NIL or self.failed:
            return False
        return not reply.startswith("{") and _NUMBER.fullmatch(reply) is None

    @property
    def leaves_no_ttl(self) -> bool:
        """A SET that neither gives nor keeps a time to live."""
        return self.name == "SET" and not any(arg.upper() in _KEEPS_TTL for arg in self.command.args[2:])

    def surely_before(self, other: Step) -> bool:
        """Whether it ran before ``other`` was even sent; without the times, whether its reply came first."""
        answered, forwarded = self.command.answered, other.command.forwarded
        return self.at <= other.at if answered is None or forwarded is None else answered <= forwarded

    def __str__(self) -> str:
        shown = {NIL: "nothing", None: "no reply"}.get(self.reply, self.reply)
        if self.refused_unheard:
            shown = "refused, no reply wanted"
        if shown is not None and self.gave_contents:
            shown = "a value"
        if shown is not None and len(shown) > LONGEST_REPLY:
            shown = shown[: LONGEST_REPLY - 1] + "…"
        fate = ", which was lost" if self.lost else ""
        return f"redis #{self.command.seq} {self.command.pod}: {self.name} → {shown}{fate}"


def is_error(reply: str) -> bool:
    """Whether a printed reply is an error (``-ERR …``) and not a negative number."""
    return reply.startswith("-") and not reply[1:].isdecimal()


def steps_of(commands: Sequence[RedisCommand]) -> list[Step]:
    """The keyed ones of ``commands`` (in the order of their numbers), in the order of their effect."""
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
    return sorted(_arrived(steps), key=lambda step: (step.at, step.command.seq))


def _arrived(steps: Sequence[Step]) -> Iterator[Step]:
    """Without the steps that a cluster's node did not run and that the pod then sent to another node."""
    sent: dict[tuple[str, str, tuple[str, ...]], set[str | None]] = {}
    for step in reversed(steps):
        command = step.command
        later = sent.setdefault((command.pod, command.command, command.args), set())
        if not (step.to_be_sent_again and later - {command.node}):
            yield step
        later.add(command.node)


def _executed(inner: RedisCommand, execute: RedisCommand) -> RedisCommand:
    """A queued command with the times and the fate of its EXEC."""
    return replace(
        inner,
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

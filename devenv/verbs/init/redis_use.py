"""Whether a new session goes to Redis: by its keys there, and by the commands that the gate recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx
from redis import Redis

from devenv.core.model.events import RedisCommand, trace_event
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import ID, Kind, ServiceProfile
from devenv.core.model.session_ids import stored_forms
from devenv.core.model.session_profile import SessionProfile
from devenv.core.resp.refusals import asks_for_cluster
from devenv.harness.client.login import LoginClient
from devenv.harness.redis.keys import keys_with
from devenv.harness.runs.trace import Mark, mark, trace_since
from devenv.verbs.init.trial import Pod

_READS = frozenset(
    {"GET", "MGET", "HGET", "HGETALL", "HMGET", "EXISTS", "TTL", "PTTL", "TYPE", "SCAN", "KEYS"}
)


class RedisUse(StrEnum):
    """What was seen of a service's sessions in Redis."""

    SWITCHED = "switched"
    """With USE_REDIS=true a new session is there, with USE_REDIS=false it is not."""
    ALWAYS = "always"
    """A new session is there whatever USE_REDIS says."""
    ALIKE = "alike"
    """Commands reached Redis, the same whatever USE_REDIS says; which key is the session's is not known."""
    UNUSED = "unused"
    """A new session was opened, and no command with a key reached Redis."""
    UNKNOWN = "unknown"
    """Commands reached Redis, others with USE_REDIS=false; none of their keys could be said to be the
    session's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one new session did in Redis."""

    key: str | None
    """The key, with ``{id}`` for the id or the part of it that stands there; None: none was recognised."""
    how: str
    """How what stands in the key is made of the id, in words; "" where it is the id itself."""
    commands: tuple[str, ...]
    """The commands with a key that the pod sent meanwhile: "SET sess:3f2a"."""
    written: tuple[str, ...]
    """The keys that those wrote."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the commands, sorted; a script counts as itself, however it is named."""
        return tuple(
            sorted(command.partition(" ")[0].replace("EVALSHA", "EVAL") for command in self.commands)
        )

    @property
    def note(self) -> str:
        """What is to be said of it, "" if nothing."""
        if self.key is not None:
            return f"the key {self.key} has the id {self.how}" if self.how else ""
        if self.written:
            keys = ", ".join(self.written[:3])
            return f"a new session writes {keys}: how its key is made of the id is not known"
        if self.commands:
            return f"a new session sends {', '.join(self.commands[:3])}, which writes nothing"
        return ""


def session_in_redis(pod: Pod, control: str, redis: Redis, kind: Kind, profile: ServiceProfile) -> Seen:
    """Open a session and look for it. Raises trial.Refused where none is opened."""
    before = mark(control)
    challenge_id = ChallengeId(str(pod.open_session(kind, profile).id))
    commands = [item for item in _commands(control, before) if item.key is not None]
    shown = tuple(dict.fromkeys(f"{item.command} {item.key}" for item in commands))
    written = tuple(dict.fromkeys(str(item.key) for item in commands if item.command not in _READS))
    accepted = [item for item in commands if item.reply is not None and not item.reply.startswith("-")]
    # Where a service has chosen another database than 0, only its commands show the key.
    kept = [str(item.key) for item in accepted if item.command not in _READS]
    for form in stored_forms(challenge_id):
        keys = [key for key in kept if form.text in key] or keys_with(redis, form.text)
        if keys:
            return Seen(keys[0].replace(form.text, ID), form.how, shown, written)
    return Seen(None, "", shown, written)


def login_commands(
    http: httpx.Client, control: str, session: SessionProfile, headers: Mapping[str, str]
) -> int | None:
    """How many commands with a key reached Redis while a login session was opened, changed and asked for.

    None where it was not opened, or not known afterwards.
    """
    before = mark(control)
    client = LoginClient(http, session, headers)
    try:
        client.open()
        if session.first_change is not None:
            client.send(session.first_change)
        answer = client.send(session.ask)
    except httpx.HTTPError:
        return None
    if not client.opened or not answer.is_success or client.is_gone(answer):
        return None
    return sum(item.key is not None for item in _commands(control, before))


def use_by_commands(with_redis: int | None, without: int | None) -> RedisUse:
    """What the counts of ``login_commands`` with USE_REDIS=true and with false tell."""
    if not with_redis or without is None:
        return RedisUse.UNKNOWN
    return RedisUse.ALWAYS if without else RedisUse.SWITCHED


def wants_cluster(control: str) -> bool:
    """Whether a pod has a cluster client: this server refused it what only a cluster answers."""
    return any(asks_for_cluster(command.command, command.reply) for command in _commands(control, Mark()))


def _commands(control: str, since: Mark) -> Sequence[RedisCommand]:
    events = (trace_event(item) for item in trace_since(control, since))
    return [event for event in events if isinstance(event, RedisCommand)]

"""What was seen: of each server that the settings point at, and of the sessions that a service created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from devenv.core.doctor_rules.kubernetes import UnfitValue
from devenv.core.doctor_rules.settings import Pod
from devenv.core.model.vocabulary import CaptchaType


class Reach(StrEnum):
    """How a TCP connection ended."""

    OPEN = "open"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNKNOWN_HOST = "unknown-host"
    UNREACHABLE = "unreachable"
    NOT_TRIED = "not-tried"


class Speech(StrEnum):
    """What answers at a port."""

    REDIS = "redis"
    TLS = "tls"
    HTTP = "http"
    ENDED = "ended"
    """Connections are accepted and ended without a word."""
    SILENT = "silent"
    OTHER = "other"


class Trust(StrEnum):
    """How a TLS handshake ended, as a client with the pod's settings sees it."""

    OK = "ok"
    EXPIRED = "expired"
    NOT_YET = "not-yet-valid"
    UNTRUSTED = "untrusted"
    WRONG_NAME = "wrong-name"
    NEEDS_CERTIFICATE = "needs-certificate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Target:
    """A server as one or more pods reach it. ``login`` says whether a password is sent."""

    host: str
    port: int
    tls: bool = False
    db: int = 0
    user: str = ""
    login: bool = False
    secret: bool = False
    """Whether host or port come from a Secret, and are not shown."""

    @property
    def local(self) -> bool:
        """Whether the host is the path of a Unix socket."""
        return self.host.startswith("/")

    @property
    def name(self) -> str:
        """The host, for sentences."""
        return "the host of the settings" if self.secret else self.host

    def __str__(self) -> str:
        if self.secret:
            return "the address from the Secret"
        if self.local:
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def words(self) -> str:
        """How it is reached, for a person."""
        who = f"user {self.user}" if self.user else "password" if self.login else "no password"
        return f"{'TLS' if self.tls else 'no TLS'}, {who}, database {self.db}"


@dataclass(frozen=True, slots=True)
class Tcp:
    """One attempt to connect; ``seconds`` is how long it took."""

    reach: Reach
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate; ``days`` is how long it is still valid, negative where it has expired."""

    subject: str
    issuer: str
    not_after: str
    days: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """A handshake; ``authorities`` says whose word the client took: a file, or the system's."""

    trust: Trust
    detail: str = ""
    certificate: Certificate | None = None
    authorities: str = "the system's certificate authorities"


@dataclass(frozen=True, slots=True)
class Info:
    """What INFO says. ``mode`` is standalone, cluster or sentinel; ``role`` master or slave."""

    engine: str
    version: str
    mode: str
    role: str
    maxmemory: int = 0
    used_memory: int = 0
    policy: str = "noeviction"
    evicted: int = 0
    master_link: str = ""
    databases: tuple[int, ...] = ()

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to compare."""
        return tuple(int(part) for part in self.version.split(".") if part.isdecimal())


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the cluster announces it, and whether it can be reached from here."""

    address: str
    tcp: Tcp


@dataclass(frozen=True, slots=True)
class Trial:
    """One harmless command and what Redis said; ``error`` is None where it ran."""

    command: str
    error: str | None = None
    hung_up: bool = False
    """Whether the connection was ended in place of a reply."""


@dataclass(frozen=True, slots=True)
class WriteProbe:
    """One key written with a TTL, read back and deleted."""

    key: str
    """The key."""
    error: str | None = None
    """Why it could not be written; None where it was."""
    ttl: int | None = None
    """The TTL, in seconds, that the server then told; None where it did not."""
    trials: tuple[Trial, ...] = ()
    """The commands that the service's store needs, as far as they were tried on that key."""
    hung_up: bool = False
    """Whether the connection was ended in place of a reply to the write."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A key that is named like a session. ``ttl`` is seconds left, None where it has no TTL.

    ``fields`` are those of its document; None where there is no JSON object.
    """

    key: str
    prefix: str
    kind: CaptchaType
    type: str
    ttl: float | None
    fields: tuple[str, ...] | None
    db: int = 0

    @property
    def stub(self) -> bool:
        """A document that a late write brought back: counted attempts, and nothing to judge by."""
        return self.fields is not None and "attempts" in self.fields and not {"type", "cid"} & {*self.fields}

    @property
    def session(self) -> bool:
        """Whether it is what the contract describes."""
        return self.type == "string" and self.fields is not None and {"type", "cid"} <= {*self.fields}


@dataclass(frozen=True, slots=True)
class Keyspace:
    """The keys named like sessions, of all databases; ``complete`` is False where the look was cut short."""

    keys: tuple[SessionKey, ...] = ()
    complete: bool = True
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """What was seen of one target, by ``pods`` (their names). None: not looked at, for what went before.

    ``skipped`` says why nothing was tried at all. ``ping`` is the first error after connecting, None where
    PING was answered; ``greeted`` whether it was asked. ``select`` is the error of SELECT.
    ``unknown_commands`` are those of the service that the server does not know. ``elsewhere`` maps other
    ports of the same host to what answers there.
    """

    target: Target
    pods: tuple[str, ...]
    skipped: str | None = None
    tcp: Tcp | None = None
    speech: Speech | None = None
    tls: Tls | None = None
    greeted: bool = False
    ping: str | None = None
    seconds: float | None = None
    select: str | None = None
    info: Info | None = None
    nodes: tuple[Node, ...] = ()
    cluster_state: str | None = None
    keyspace: Keyspace | None = None
    write: WriteProbe | None = None
    unknown_commands: tuple[str, ...] = ()
    elsewhere: Mapping[int, Speech] = field(default_factory=dict)
    info_error: str | None = None
    """The words with which INFO was refused."""
    hung_up: tuple[str, ...] = ()
    """The commands at which the connection was ended in place of a reply."""
    broke: str = ""
    """Why the look at it ended before its end; empty where it did not."""

    @property
    def proxy(self) -> bool:
        """Whether this is no Redis server itself: those answer INFO, if only with a missing permission."""
        named = self.info_error is not None and not self.info_error.startswith("NOPERM")
        return bool(self.hung_up) or named


@dataclass(frozen=True, slots=True)
class Created:
    """A challenge that a service was asked for, and the key that Redis then had for it, if any.

    ``pod`` is who answered, as far as known. ``status`` is HTTP's, None where no answer came; ``error`` says
    why there is no challenge.
    """

    pod: str
    challenge: str | None
    status: int | None = 200
    error: str | None = None
    key: str | None = None
    prefix: str | None = None
    db: int | None = None
    ttl: float | None = None
    looked: bool = True
    """Whether it could be told if there is a key: Redis could be asked, and has not too many keys."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command of a pod that Redis refused while the gate looked on."""

    pod: str
    command: str
    error: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A session that was opened on one pod and used on another, or on the same."""

    kind: str
    """The kind of session."""
    created_on: str
    """The pod that opened it."""
    used_on: str
    """The pod that was asked for it."""
    answer: str
    """How it ended, in words: ``not found``, ``HTTP 500: …``."""
    lost: bool = False
    """Whether the pod did not know the session."""
    unclear: bool = False
    """Whether the answer, or its absence, does not tell."""


@dataclass(frozen=True, slots=True)
class TraceCause:
    """What ``explain`` says of a trace."""

    cause: str
    """The cause's name in the failure catalogue."""
    pods: str
    """The pods that it is about."""
    sentence: str
    """What happened."""
    evidence: tuple[str, ...]
    """The lines of the trace that show it."""
    change: str
    """What to change."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at.

    ``refused`` is what the gate saw. ``commands`` maps a pod to the Redis commands that its service needs.
    ``foreign_prefixes`` are known to be another environment's.
    """

    pods: tuple[Pod, ...]
    servers: tuple[Server, ...] = ()
    created: tuple[Created, ...] = ()
    refused: tuple[Refusal, ...] = ()
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign_prefixes: tuple[str, ...] = ()
    unfit_values: tuple[UnfitValue, ...] | None = None
    """What does not do in the manifests; None where none were read."""

    crossings: tuple[Crossing, ...] = ()
    """Sessions of a running stack that were used on other pods than those that opened them."""
    crossings_skipped: str = ""
    """Why no session was used on another pod, on a running stack of several pods; empty elsewhere."""
    trace_causes: tuple[TraceCause, ...] = ()
    """What explain says of these requests, the first cause first."""
    past_gate: tuple[str, ...] = ()
    """Pods whose settings lead to a Redis that is not behind the gate: their commands are not recorded."""

    def server_of(self, pod: str) -> Server | None:
        """The server that this pod's settings point at."""
        return next((server for server in self.servers if pod in server.pods), None)

    def pod(self, name: str) -> Pod | None:
        """The settings of a pod, by its name."""
        return next((pod for pod in self.pods if pod.name == name), None)

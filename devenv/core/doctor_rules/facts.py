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
    """A server as one or more pods reach it."""

    host: str
    """A name, an address, or the path of a Unix socket."""
    port: int
    """The TCP port; of a Unix socket without meaning."""
    tls: bool = False
    """Whether the pods speak TLS to it."""
    db: int = 0
    """The database that the pods select."""
    user: str = ""
    """The user that the pods log in as; empty for the default user."""
    login: bool = False
    """Whether a password is sent."""
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
    def description(self) -> str:
        """How it is reached, for a person."""
        who = f"user {self.user}" if self.user else "password" if self.login else "no password"
        return f"{'TLS' if self.tls else 'no TLS'}, {who}, database {self.db}"


@dataclass(frozen=True, slots=True)
class Tcp:
    """One attempt to connect."""

    reach: Reach
    """How it ended."""
    seconds: float = 0.0
    """How long it took."""
    detail: str = ""
    """The system's words for a failure."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate."""

    subject: str
    """Whom it names."""
    issuer: str
    """Who signed it."""
    not_after: str
    """When it expires, in UTC."""
    days: float
    """How many days it is still valid; negative where it has expired."""
    names: tuple[str, ...] = ()
    """The hosts that it is for."""


@dataclass(frozen=True, slots=True)
class Tls:
    """A TLS handshake."""

    trust: Trust
    """How it ended."""
    detail: str = ""
    """OpenSSL's words for a failure."""
    certificate: Certificate | None = None
    """The server's certificate, as far as it was shown."""
    authorities: str = "the system's certificate authorities"
    """The authorities that the client trusts: a file, or the system's."""


@dataclass(frozen=True, slots=True)
class Info:
    """What INFO says, or the part of it that HELLO says."""

    engine: str
    """Redis or Valkey."""
    version: str
    """The version, as the server writes it; empty where it does not tell."""
    mode: str
    """standalone, cluster or sentinel."""
    role: str
    """master or slave."""
    maxmemory: int = 0
    """The limit of memory in bytes; 0 for none."""
    used_memory: int = 0
    """The memory in use, in bytes."""
    policy: str = "noeviction"
    """The eviction policy; empty where it is not known."""
    evicted: int = 0
    """How many keys were evicted so far."""
    master_link: str = ""
    """Of a replica: ``up`` or ``down``."""
    databases: tuple[int, ...] = ()
    """The databases that have keys."""
    run_id: str = ""
    """What the server's process is called by itself; empty where it is not known."""

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to compare."""
        return tuple(int(part) for part in self.version.split(".") if part.isdecimal())


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the cluster announces it."""

    address: str
    """``host:port``."""
    tcp: Tcp
    """Whether it can be reached from here."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One harmless command, tried."""

    command: str
    """The command, with an option where that is what was tried (``SET KEEPTTL``)."""
    error: str | None = None
    """Why it may not be used; None where it may."""
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
    """The TTL, in seconds, that the server then answered; None where it did not."""
    trials: tuple[Trial, ...] = ()
    """The commands that the service's store needs, as far as they were tried on that key."""
    hung_up: bool = False
    """Whether the connection was ended in place of a reply to the write."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A key that is named like a session."""

    key: str
    """The whole key."""
    prefix: str
    """What stands before the captcha type in the key."""
    kind: CaptchaType
    """The captcha type that the key names."""
    type: str
    """Redis' type of the value."""
    ttl: float | None
    """Seconds left; None where it has no TTL."""
    fields: tuple[str, ...] | None
    """The names of the fields of its document; None where there is no JSON object."""
    db: int = 0
    """The database that it is in."""

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
    """The keys named like sessions, of all databases."""

    keys: tuple[SessionKey, ...] = ()
    """The keys, sorted within a database."""
    complete: bool = True
    """Whether these are all: the look is bounded in time and number."""
    error: str | None = None
    """Why the keys could not be listed."""


@dataclass(frozen=True, slots=True)
class Server:
    """What was seen of one target. A field is None where what went before kept it from being looked at."""

    target: Target
    """The server."""
    pods: tuple[str, ...]
    """The names of the pods that use it."""
    skipped: str | None = None
    """Why nothing was tried at all."""
    tcp: Tcp | None = None
    """The connection."""
    speech: Speech | None = None
    """What answers at the port."""
    tls: Tls | None = None
    """The handshake, where the pods speak TLS."""
    greeted: bool = False
    """Whether PING was sent."""
    ping: str | None = None
    """The first error of logging in and of PING; None where there was none."""
    seconds: float | None = None
    """How long logging in and PING took."""
    select: str | None = None
    """The error of SELECT; None where there was none."""
    info: Info | None = None
    """What INFO or HELLO says."""
    nodes: tuple[Node, ...] = ()
    """The nodes of a cluster."""
    cluster_state: str | None = None
    """``ok`` or ``fail``, of a cluster."""
    keyspace: Keyspace | None = None
    """The keys that are named like sessions."""
    write: WriteProbe | None = None
    """The key that was written; None where none was."""
    unknown_commands: tuple[str, ...] = ()
    """The commands of the service that the server does not know."""
    elsewhere: Mapping[int, Speech] = field(default_factory=dict)
    """Other ports of the same host, and what answers there."""
    info_error: str | None = None
    """The words with which INFO was refused."""
    hung_up: tuple[str, ...] = ()
    """The commands at which the connection was ended in place of a reply."""
    of_stack: bool = False
    """Whether it is a running stack's own, which answered when the pods were started."""
    broke: str = ""
    """Why the look at it ended before its end; empty where it did not."""

    @property
    def refuses(self) -> bool:
        """Whether no process listens at its port."""
        return self.tcp is not None and self.tcp.reach is Reach.REFUSED

    @property
    def proxy(self) -> bool:
        """Whether this is no Redis server itself: those answer INFO, if only with a missing permission."""
        named = self.info_error is not None and not self.info_error.startswith("NOPERM")
        return bool(self.hung_up) or named


@dataclass(frozen=True, slots=True)
class Created:
    """A challenge that a service was asked for, and the key that Redis then had for it, if any."""

    pod: str
    """The pod that answered, as far as it is known."""
    challenge: str | None
    """The challenge's id; None where there is no challenge."""
    status: int | None = 200
    """HTTP's status; None where no answer came."""
    error: str | None = None
    """Why there is no challenge."""
    key: str | None = None
    """The key of its session; None where there is none."""
    prefix: str | None = None
    """What stands before the captcha type in the key."""
    db: int | None = None
    """The database that the key is in."""
    ttl: float | None = None
    """Seconds that the key has left; None where it has no TTL."""
    looked: bool = True
    """Whether it is known if there is a key: Redis could be asked, and has not too many keys."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command of a pod that Redis refused, as the gate recorded it."""

    pod: str
    """The pod that sent it."""
    command: str
    """The command's name."""
    error: str
    """Redis' words."""


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
    """Everything the rules look at."""

    pods: tuple[Pod, ...]
    """The settings of each pod."""
    servers: tuple[Server, ...] = ()
    """The servers that the settings point at."""
    created: tuple[Created, ...] = ()
    """Challenges that a running service was asked for."""
    refused: tuple[Refusal, ...] = ()
    """What Redis refused the pods of a running stack."""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By pod, the Redis commands that its service needs."""
    foreign_prefixes: tuple[str, ...] = ()
    """Prefixes of keys that are another environment's."""
    unfit_values: tuple[UnfitValue, ...] | None = None
    """What does not do in the manifests; None where none were read."""

    crossings: tuple[Crossing, ...] = ()
    """Sessions of a running stack that were used on other pods than those that opened them."""
    crossings_remarks: tuple[str, ...] = ()
    """What explain notes of the trace of those sessions: no fault, and worth knowing."""
    crossings_skipped: str = ""
    """Why no session was used on another pod, on a running stack of several pods; empty elsewhere."""
    trace_causes: tuple[TraceCause, ...] = ()
    """What explain says of these requests, the first cause first."""
    past_gate: tuple[str, ...] = ()
    """Pods whose settings lead to a Redis that is not behind the gate: their commands are not recorded."""

    @property
    def without_redis(self) -> frozenset[str]:
        """The pods whose settings point at a port where no process listens."""
        return frozenset(pod for server in self.servers if server.refuses for pod in server.pods)

    def server_of(self, pod: str) -> Server | None:
        """The server that this pod's settings point at."""
        return next((server for server in self.servers if pod in server.pods), None)

    def pod(self, name: str) -> Pod | None:
        """The settings of a pod, by its name."""
        return next((pod for pod in self.pods if pod.name == name), None)

"""A scenario, parsed: what is done, where, and what each session store is expected to make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devenv.core.model.ids import SessionName
from devenv.core.model.presets import PRESETS
from devenv.core.model.topology import RedisMode, SettingChanges
from devenv.core.model.vocabulary import Answer, Strategy, pod_names
from devenv.core.serializability.ends import End
from devenv.core.serializability.masks import Place

Checks = Mapping[str, Any]
"""Name of a fact (outcome, attempts, ttl, …) to what it should be, as the file has it."""

Expectation = Mapping[Strategy, Checks]
"""What a step should show with each store; a store that is missing is not checked at that step."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create the challenge of a session."""

    line: int
    session: SessionName
    pod: str | None = None
    """None leaves the pod to the proxy's policy."""
    word_differs_from: str | None = None
    """A handwriting session: create until this word is another than that one's."""
    expect: Expectation = field(default_factory=dict)
    node: str | None = None
    """On a cluster: create until the node that the pods are given ("first"), or any "other", owns the key."""


@dataclass(frozen=True, slots=True)
class Verify:
    """Verify a session's challenge with a scripted answer or with these selections."""

    line: int
    session: SessionName
    answer: Answer | tuple[int, ...]
    pod: str | None = None
    expect: Expectation = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """Any request of the service.

    In target, headers and content ``{challenge:NAME}`` is a session's challenge id and ``{captured:NAME}`` a
    value that an earlier request captured.
    """

    line: int
    method: str
    target: str
    """The path with its query. One that begins with a captured value is the link that this value is."""
    pod: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    """JSON data or text."""
    as_json: bool = False
    capture: Mapping[str, str] = field(default_factory=dict)
    """Name to a field of the JSON answer (a dotted path), ``header:NAME``, or ``body``: the whole answer."""
    expect: Expectation = field(default_factory=dict)
    matches: Mapping[str, str] = field(default_factory=dict)
    """Name to the regular expression whose group is captured; without one it is all that stands there."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds in which nothing is sent."""

    line: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Together:
    """Requests that are sent at the same time."""

    line: int
    verifies: tuple[Verify | Request, ...]
    expect: Expectation = field(default_factory=dict)
    """About each request by its name, and about all."""
    names: tuple[str, ...] = ()
    """One for each request, or none."""
    order: Mapping[Strategy, tuple[str, ...]] = field(default_factory=dict)
    """By store the order of their Redis commands, as ``ordering.parse_order`` reads it; with a store that is
    missing they run as they come."""
    ask: Request | None = None
    """Is sent when all others are answered."""
    sequences: tuple[End[str], ...] = ()
    """How the requests end one after the other: one of these must explain what they and ``ask`` are answered.
    Empty: that is not judged."""
    masked: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    """By request, the places in its answers that change from run to run."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart pods side by side with their present settings."""

    line: int
    pods: tuple[str, ...]
    env: SettingChanges = field(default_factory=dict)
    """What is set over their present settings."""
    expect: Expectation = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Toggle:
    """Set USE_REDIS of pods by restarting them side by side."""

    line: int
    pods: tuple[str, ...]
    use_redis: bool


@dataclass(frozen=True, slots=True)
class Redis:
    """Look at a session's Redis key, past the service."""

    line: int
    session: SessionName
    expect: Expectation


@dataclass(frozen=True, slots=True)
class RedisCommandStep:
    """Send one command to Redis, past the service; ``{key:NAME}`` in a word is session NAME's key."""

    line: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RedisServer:
    """``pause``, ``resume``, ``stop`` or ``start`` the Redis server, or ``flush`` it: every key is gone."""

    line: int
    action: str


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """Something that happens to a session's key.

    ``expire`` it now, or ``age`` it to 0.4 s before that: both leave a key without a TTL alone, as time does.
    ``failover``: on a cluster, a replica takes over the key's slot and has not got its data.
    """

    line: int
    event: str
    session: SessionName


GateRule = Mapping[str, Any]
"""One rule, with the fields that the gate's control API takes; ``{key:NAME}`` in ``key`` is a session's."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Put rules in force at the gate, by store; None takes those of the play out of force."""

    line: int
    rules: Mapping[Strategy, tuple[GateRule, ...]] | None


@dataclass(frozen=True, slots=True)
class Get:
    """GET a path of the service."""

    line: int
    path: str
    pod: str | None = None
    expect: Expectation = field(default_factory=dict)


Step = (
    Create
    | Verify
    | Together
    | Restart
    | Toggle
    | Redis
    | RedisCommandStep
    | RedisServer
    | KeyEvent
    | Gate
    | Get
    | Request
    | Pause
)


@dataclass(frozen=True, slots=True)
class StackRequirements:
    """What the scenario asks of the stack."""

    pods: int = 2
    workers: int = 1
    policy: str | None = None
    """The routing policy; None: the stack's."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables of every pod."""
    pod_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables by full pod name."""
    redis: RedisMode | None = None
    """How Redis must be set up; None: any way."""
    fix: str = ""
    """The fix of devenv.toml that a user-provided service is started with; "": as it is."""

    @property
    def pod_names(self) -> tuple[str, ...]:
        """The full names of the pods that it asks for."""
        return pod_names(self.pods)


ANY_KIND = "any"
"""A session of whatever kind the service has first."""


@dataclass(frozen=True, slots=True)
class StoreNote:
    """What the scenario says of one store."""

    shows: str | None = None
    """What the store shows, in one sentence."""
    bug: bool = False
    """Whether that is the bug."""
    not_applicable: str | None = None
    """Why the scenario cannot be played with the store."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario."""

    id: str
    title: str
    cause: str
    needs: tuple[str, ...]
    about: str
    stack: StackRequirements
    stores: Mapping[Strategy, StoreNote]
    sessions: Mapping[SessionName, str]
    """By name the captcha's type, or "any": the service's first kind of session."""
    steps: tuple[Step, ...]
    name: str
    """The file's name."""
    source: str
    """The text that it was parsed from."""
    preset: str | None = None
    """The profile of the service that it is about; None: its sessions say it."""
    shipped: bool = field(default=False, compare=False)
    """Whether it comes with devenv: then all that it expects is about the stores that it names."""

    @property
    def service(self) -> str:
        """The kind of service that it is about: a profile's name, or "any"."""
        if self.preset is not None:
            return self.preset
        return ANY_KIND if ANY_KIND in self.sessions.values() else "captcha"

    @property
    def answered(self) -> bool:
        """Whether its sessions are given answers: those of an MCP server are used without one."""
        profile = PRESETS.get(self.preset or "")
        return profile is None or any(kind.takes_answer for kind in profile.kinds.values())

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The stores that it says something about, and can be run with."""
        return tuple(s for s in Strategy if s in self.stores and self.stores[s].not_applicable is None)

    def note(self, strategy: Strategy) -> StoreNote | None:
        """What it says of this store; None: nothing, and then nothing is checked with it."""
        return self.stores.get(strategy)

    def to_json(self) -> dict[str, Any]:
        """What a list of scenarios shows of it; a plain dict."""
        notes: dict[str, dict[str, Any]] = {}
        for strategy, note in self.stores.items():
            if note.not_applicable is not None:
                notes[str(strategy)] = {"not_applicable": note.not_applicable}
            else:
                notes[str(strategy)] = {"shows": note.shows, "bug": note.bug}
        return {
            "id": self.id,
            "title": self.title,
            "cause": self.cause,
            "service": self.service,
            "needs": list(self.needs),
            "about": self.about,
            "pods": self.stack.pods,
            "strategies": [str(s) for s in self.strategies],
            "stores": notes,
        }

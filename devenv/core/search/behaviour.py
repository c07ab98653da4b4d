"""What a request does, learned: which command, or which answer, follows which replies.

A request is taken for a function of the replies that it was given. Words that differ between two requests
with the same replies (a random token) are names of its own: they are written ``<self:n>``, and in process V1
``<V1:n>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from devenv.core.model.errors import Inconclusive
from devenv.core.model.ids import SessionKey
from devenv.core.resp.command_shapes import shape_of
from devenv.core.resp.values import Pairs
from devenv.core.resp.values import Reply as RedisReply
from devenv.core.search.access import Words, touched, watching
from devenv.core.search.composition import Command, Node, Reply, Signal

LOSE = "lose"
"""The signal after which the reply to the next command is lost."""
RESTART = "restart"
"""The signal that ends a request that has begun: its process is gone. Others are served by the next one."""
CUT_SHORT = "(cut short)"
"""The label of the step in which the caller of such a request learns that no answer comes."""


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a reply: it never came."""


LOST: Final = Lost()
Heard: TypeAlias = RedisReply | Lost


@dataclass(frozen=True, slots=True)
class Issued:
    """A command that waits for its reply, or an EXEC with the commands that it runs."""

    commands: tuple[tuple[bytes, ...], ...]
    transaction: bool = False
    """Whether it is an EXEC."""

    @property
    def label(self) -> str:
        """The command's name."""
        return "EXEC" if self.transaction else shape_of(self.commands[0]).name.split(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class Answered:
    """The HTTP answer: status, and the body as canonical JSON text."""

    status: int
    body: str


NO_ANSWER: Final = Answered(0, "null")
"""To a request whose pod was restarted meanwhile: the connection ended."""

Seen: TypeAlias = Issued | Answered


class NoFunction(Inconclusive):
    """The same replies led to different commands: what is learned would not be what is there."""


class Varying(Exception):
    """Words of the same command differed between two requests: they must be taken for names."""

    def __init__(self, places: frozenset[Place], keys: frozenset[bytes] = frozenset()) -> None:
        super().__init__(str(sorted(places)))
        self.places = places
        self.keys = keys
        """The keys of the commands whose later words differ: what lies there is no text to read again."""


Place: TypeAlias = tuple[str, int, int, int]
"""Label, number of the command in its transaction, its length and the position of a word."""


class Unlearned(Exception):
    """It was not observed yet what follows ``heard`` after what led to ``node`` of this behaviour."""

    def __init__(self, behaviour: Behaviour, node: int, heard: Heard) -> None:
        super().__init__(f"{behaviour.name}: node {node}")
        self.behaviour = behaviour
        self.node = node
        self.heard = heard


@dataclass(slots=True)
class Behaviour:
    """The tree of one kind of request; node 0 is its beginning."""

    name: str
    seen: list[Seen] = field(default_factory=list)
    edges: dict[tuple[int, Heard], int] = field(default_factory=dict)
    personal: bool = field(default=False, init=False)
    """Whether a request leaves in Redis what tells it from an equal one: a name, a watched key."""
    _before: list[tuple[int, Heard] | None] = field(default_factory=list)

    def history(self, node: int) -> tuple[Heard, ...]:
        """The replies that lead to ``node``."""
        heard: list[Heard] = []
        before = self._before[node]
        while before is not None:
            heard.append(before[1])
            before = self._before[before[0]]
        return tuple(reversed(heard))

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from the beginning to ``node``."""
        nodes = [node]
        while (before := self._before[nodes[-1]]) is not None:
            nodes.append(before[0])
        return tuple(reversed(nodes))

    def watched(self, node: int) -> frozenset[str]:
        """The keys that a transaction executed at ``node`` depends on through WATCH."""
        keys: frozenset[str] = frozenset()
        for before, heard in zip(self.path(node), self.history(node), strict=False):
            seen = self.seen[before]
            if isinstance(heard, Lost):
                keys = frozenset()  # with the reply the connection was lost
            elif isinstance(seen, Issued):
                keys = watching(keys, seen.commands, seen.transaction)
        return keys

    def learn(self, heard: Sequence[Heard], seen: Sequence[Seen]) -> int:
        """Take in one request: it sent ``seen[0]``, got ``heard[0]``, sent ``seen[1]``, … Gives its last
        node.

        Raises Varying, and NoFunction where it did something else than an earlier one in its place.
        """
        if not self.seen:
            self._add(seen[0], None)
        node = 0
        self._compare(node, seen[0])
        for reply, then in zip(heard, seen[1:], strict=False):
            following = self.edges.get((node, reply))
            if following is None:
                following = self.edges[node, reply] = len(self.seen)
                self._add(then, (node, reply))
            else:
                self._compare(following, then)
            node = following
        return node

    def _add(self, seen: Seen, before: tuple[int, Heard] | None) -> None:
        self.seen.append(seen)
        self._before.append(before)
        if isinstance(seen, Issued):
            self.personal = self.personal or any(
                shape_of(words).name == "WATCH" or any(b"<self:" in word for word in words)
                for words in seen.commands
            )

    def _compare(self, node: int, seen: Seen) -> None:
        known = self.seen[node]
        if known == seen:
            return
        if isinstance(known, Issued) and isinstance(seen, Issued) and known.label == seen.label:
            places = _differing(known, seen)
            if places is not None:
                written = [known.commands[number] for _, number, _, count in places if count > 1]
                raise Varying(places, frozenset(words[1] for words in written))
        raise NoFunction(
            f"{self.name}: after the same replies it did {_spoken(known)} once and {_spoken(seen)} once",
            hint="it depends on more than Redis' replies; explore it with --mode direct",
        )


def _differing(one: Issued, other: Issued) -> frozenset[Place] | None:
    """The places of the words that differ; None where the shapes do."""
    if [*map(len, one.commands)] != [*map(len, other.commands)]:
        return None
    return frozenset(
        (one.label, number, len(words), position)
        for number, (words, others) in enumerate(zip(one.commands, other.commands, strict=True))
        for position, (word, its) in enumerate(zip(words, others, strict=True))
        if word != its
    )


def _spoken(seen: Seen) -> str:
    if isinstance(seen, Answered):
        return f"answer {seen.status} {seen.body[:80]}"
    return " ".join(word.decode("utf-8", "backslashreplace")[:40] for word in seen.commands[0])


@dataclass(frozen=True, slots=True)
class Act:
    """What a learned command is to the store."""

    client: int
    """The number of the request that sends it."""
    commands: tuple[Words, ...]
    transaction: bool
    cut: bool = False
    """Whether its connection ends with it."""


@dataclass(frozen=True, slots=True)
class _Armed:
    """At a node of the tree, with the next reply to be lost."""

    node: int


@dataclass(frozen=True, slots=True)
class _Gone:
    """A request that was cut short at a node of the tree."""

    node: int
    reported: bool = False
    """Whether the signal for its client was sent."""


@dataclass(frozen=True, slots=True)
class LearnedProgram:
    """One request as a program."""

    behaviour: Behaviour
    name: str
    """The process' name."""
    client: int
    """The process' number."""

    def begin(self) -> Node:
        """Node 0."""
        return 0

    def next(self, node: Node) -> Command | Signal | None:
        """The command that was seen there."""
        if isinstance(node, _Gone):
            return None if node.reported else Signal(CUT_SHORT, (), CUT_SHORT)
        current = _at(node)
        seen = self.behaviour.seen[current]
        if isinstance(seen, Answered):
            return None
        mine, named = b"<self:", b"<%b:" % self.name.encode()
        commands = tuple(tuple(word.replace(mine, named) for word in words) for words in seen.commands)
        watched = self.behaviour.watched(current) if seen.transaction else frozenset()
        keys = touched(commands, watched)
        act = Act(self.client, commands, seen.transaction, cut=isinstance(node, _Armed))
        return Command(seen.label, act, keys.reads, keys.writes)

    def after(self, node: Node, reply: Reply) -> Node:
        """Where that reply led. Raises Unlearned."""
        if isinstance(node, _Gone):
            return replace(node, reported=True)
        named, mine = b"<%b:" % self.name.encode(), b"<self:"
        heard: Heard = LOST if isinstance(node, _Armed) else renamed(reply, named, mine)  # type: ignore[arg-type]
        current = _at(node)
        following = self.behaviour.edges.get((current, heard))
        if following is None:
            raise Unlearned(self.behaviour, current, heard)
        return following

    def signalled(self, node: Node, kind: str) -> Node:
        """The next reply will be lost, if there is to be one; or the process is gone, if it had begun."""
        if isinstance(node, _Gone):
            return node
        current = _at(node)
        if not isinstance(self.behaviour.seen[current], Issued):
            return current
        if kind == LOSE:
            return _Armed(current)
        return _Gone(current) if current else node  # not begun: the next process serves it

    def answer(self, node: Node) -> Answered:
        """The HTTP answer at the end, or that there is none."""
        if isinstance(node, _Gone):
            return NO_ANSWER
        seen = self.behaviour.seen[_at(node)]
        assert isinstance(seen, Answered)
        return seen

    def end(self, node: Node) -> tuple[Answered, bool, bool]:
        """The answer, and which fault affected the request."""
        return self.answer(node), self.lost_a_reply(node), self.cut_short(node)

    def lost_a_reply(self, node: Node) -> bool:
        """Whether a reply was lost on the way there."""
        return LOST in self.behaviour.history(_at(node))

    def cut_short(self, node: Node) -> bool:
        """Whether a restart ended it."""
        return isinstance(node, _Gone)


def _at(node: Node) -> int:
    plain = node.node if isinstance(node, _Armed | _Gone) else node
    assert isinstance(plain, int)
    return plain


def renamed(reply: RedisReply, old: bytes, new: bytes) -> RedisReply:
    """The reply with one name for another in its strings."""
    match reply:
        case bytes():
            return reply.replace(old, new)
        case tuple():
            return tuple(renamed(part, old, new) for part in reply)
        case Pairs(items=items):
            return replace(reply, items=tuple((k.replace(old, new), v.replace(old, new)) for k, v in items))
        case _:
            return reply


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a program of one step. Its node is then whether the event had an effect."""

    label: str
    event: str
    key: SessionKey
    """The key that the step writes."""

    def begin(self) -> Node:
        """Not yet."""
        return None

    def next(self, node: Node) -> Command | Signal | None:
        """The event."""
        if node is not None:
            return None
        return Command(self.label, (self.event, self.key), frozenset(), frozenset({self.key}))

    def after(self, node: Node, reply: Reply) -> Node:
        """Over."""
        return bool(reply)

    def signalled(self, node: Node, kind: str) -> Node:
        """A fault does not affect an event."""
        return node

    def end(self, node: Node) -> Node:
        """Whether it did anything."""
        return node


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """A fault that affects requests, as a program of one step."""

    targets: tuple[int, ...]
    """The requests that it affects: one whose reply is lost, all that a restarted pod serves."""
    label: str
    kind: str
    """LOSE or RESTART."""

    def begin(self) -> Node:
        """Not yet."""
        return None

    def next(self, node: Node) -> Command | Signal | None:
        """The signal."""
        return Signal(self.label, self.targets, self.kind) if node is None else None

    def after(self, node: Node, reply: Reply) -> Node:
        """Over."""
        return True

    def signalled(self, node: Node, kind: str) -> Node:
        """A fault does not affect an event."""
        return node

    def end(self, node: Node) -> Node:
        """It is over."""
        return node

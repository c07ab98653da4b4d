"""Where the processes of a group can be: nodes of their programs, those with the same future as one place.

Two nodes are one place if the same step is pending and every reply that can come there leads to the same
place. What follows a reply may not be known yet: what is missing is noted and asked (as in L*: D. Angluin,
"Learning regular sets from queries and counterexamples", 1987). A place stands for what all of its nodes do:
in each new state of the store, each of its nodes is asked. Where they differ they were taken for one too
early; ``Split`` says so, and that state of the store tells them apart from then on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from devenv.core.search.behaviour import Behaviour, Heard, Unlearned
from devenv.core.search.composition import Command, Composition, Signal, StoreState
from devenv.core.search.system import Access
from devenv.core.spec.learned_scripts import NotLearned, ScriptCall


class NotKnown(Exception):
    """Something must be asked first; what, was noted in ``Missing``."""


class Split(Exception):
    """Two nodes of a place were found to differ: all that was concluded from places must be done anew."""


@dataclass(frozen=True, slots=True)
class Question:
    """What does a request do next when it gets this reply?"""

    behaviour: Behaviour
    """What is known of the request's kind."""
    node: int
    """The node of its tree at which it is."""
    heard: Heard
    process: int
    """The first that came there."""
    store: StoreState
    """The state that its command left."""


@dataclass(slots=True)
class Missing:
    """What must be known to go on."""

    questions: dict[tuple[str, int, Heard], Question] = field(default_factory=dict)
    calls: dict[ScriptCall, None] = field(default_factory=dict)

    def move(self, system: Composition, node: int, store: int) -> tuple[int, int]:
        """A step of a node: the node and the store's state after it. Notes what is missing: NotKnown."""
        try:
            return system.move(node, store)
        except NotLearned as unseen:
            self.calls[unseen.call] = None
        except Unlearned as unknown:
            asked = (unknown.behaviour.name, unknown.node, unknown.heard)
            if asked not in self.questions:
                self.questions[asked] = Question(
                    unknown.behaviour,
                    unknown.node,
                    unknown.heard,
                    system.process_of(node),
                    system.effect(node, store),
                )
        raise NotKnown

    def take(self) -> tuple[tuple[Question, ...], tuple[ScriptCall, ...]]:
        """All of it, each once; nothing is missing then."""
        taken = tuple(self.questions.values()), tuple(self.calls)
        self.questions.clear()
        self.calls.clear()
        return taken


@dataclass(slots=True)
class Tests:
    """For each step the states of the store in which two nodes with this step were seen to differ."""

    stores: dict[Hashable, dict[int, None]] = field(default_factory=dict)

    def add(self, step: Hashable, store: int) -> None:
        """Tell nodes with this step apart by that store's state."""
        self.stores.setdefault(step, {})[store] = None


@dataclass(slots=True)
class _Place:
    nodes: list[int]
    step: Hashable
    pending: Command | Signal | None
    """What the first node waits to do."""
    after: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By the store's state: the place and the store's state after the step."""


class Places:
    """The places of one group of interchangeable ``processes``, numbered from 0.

    Without ``merge`` each node is a place of its own, but for those that end alike.
    """

    def __init__(
        self, system: Composition, processes: Sequence[int], missing: Missing, tests: Tests, *, merge: bool
    ) -> None:
        self.processes = tuple(processes)
        self._system = system
        self._missing = missing
        self._tests = tests
        self._merge = merge
        self._places: list[_Place] = []
        self._of_node: dict[int, int] = {}
        self._by_step: dict[Hashable, list[int]] = {}
        self._busy: dict[int, None] = {}
        self._unknown_nodes: dict[int, None] = {}
        self._unknown_moves: dict[tuple[int, int], None] = {}

    def ask_again(self) -> None:
        """Something was learned: what was not known may be known now."""
        self._unknown_nodes.clear()
        self._unknown_moves.clear()

    def __len__(self) -> int:
        return len(self._places)

    def begin(self) -> int:
        """Where the processes start. Raises NotKnown."""
        return self.of(self._system.initial()[self.processes[0] + 1])

    def node(self, place: int) -> int:
        """The first node of a place."""
        return self._places[place].nodes[0]

    def step(self, place: int) -> Command | Signal | None:
        """What is pending there."""
        return self._places[place].pending

    def access(self, place: int) -> Access | None:
        """Which keys that step touches."""
        return self._system.access_of(self.node(place))

    def shape(self, place: int) -> Hashable:
        """Equal for places at which the same step is pending; each end has one of its own."""
        return self._shape(self.node(place))

    def moves(self, place: int) -> dict[int, tuple[int, int]]:
        """Every step that was asked for: by the store's state, the place and the store's state after it."""
        return self._places[place].after

    def move(self, place: int, store: int) -> tuple[int, int]:
        """The place and the store's state after the pending step. Raises NotKnown and Split."""
        entry = self._places[place]
        known = entry.after.get(store)
        if known is not None:
            return known
        if (place, store) in self._unknown_moves:
            raise NotKnown
        if not self._merge:  # one node, or an end
            try:
                led, changed = self._missing.move(self._system, entry.nodes[0], store)
            except NotKnown:
                self._unknown_moves[place, store] = None
                raise
            known = entry.after[store] = (self.of(led), changed)
            return known
        self._busy[place] = None
        try:
            reached: dict[tuple[int, int], None] = {}
            unknown = False
            for node in entry.nodes:
                try:
                    led, changed = self._missing.move(self._system, node, store)
                    reached[self.of(led), changed] = None
                except NotKnown:
                    unknown = True
            if len(reached) > 1:
                self._tests.add(entry.step, store)
                raise Split
            if unknown:
                self._unknown_moves[place, store] = None
                raise NotKnown
            [known] = reached
        finally:
            self._busy.pop(place, None)
        entry.after[store] = known
        return known

    def signalled(self, place: int, kind: str) -> int:
        """Where a signal leads. Raises NotKnown."""
        return self.of(self._system.signalled(self.node(place), kind))

    def of(self, node: int) -> int:
        """The place of a node. Raises NotKnown where it is not known yet."""
        known = self._of_node.get(node)
        if known is not None:
            return known
        if node in self._unknown_nodes:
            raise NotKnown
        over = self._system.step_of(node) is None
        key = self._shape(node) if over or self._merge else ("node", node)
        place = next(iter(self._by_step.get(key, ())), None) if over else self._same_as(node, key)
        if place is None:
            place = len(self._places)
            self._places.append(_Place([node], key, self._system.step_of(node)))
            self._by_step.setdefault(key, []).append(place)
        else:
            self._places[place].nodes.append(node)
        self._of_node[node] = place
        return place

    def _shape(self, node: int) -> Hashable:
        step = self._system.step_of(node)
        if step is None:
            return ("end", self._system.end_of(node))
        if isinstance(step, Command):
            return (step.words, step.reads, step.writes)
        return ("node", node)

    def _same_as(self, node: int, key: Hashable) -> int | None:
        """The place with this step whose nodes do as ``node`` wherever they were asked, and once at least."""
        unknown = False
        for place in self._by_step.get(key, ()):
            if place in self._busy:
                continue  # an earlier step of the same run, or not asked to the end yet
            try:
                if self._alike(node, place, key):
                    return place
            except NotKnown:
                unknown = True
        if unknown:
            self._unknown_nodes[node] = None
            raise NotKnown
        return None

    def _alike(self, node: int, place: int, key: Hashable) -> bool:
        stores = {**self._places[place].after, **self._tests.stores.get(key, {})} or [self._first_store]
        unknown = False
        for store in [*stores]:
            try:
                expected = self.move(place, store)
                led, changed = self._missing.move(self._system, node, store)
                if changed != expected[1] or self.of(led) != expected[0]:
                    return False
            except NotKnown:
                unknown = True
        if unknown:
            raise NotKnown
        return True

    @property
    def _first_store(self) -> int:
        return self._system.initial()[0]

"""Processes over one shared store, as a system to explore.

Each process is a program: from what it has seen so far follows its next command, or that it is over. The
store answers commands. Both are asked once for each question; exploring then moves whole numbers about.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from devenv.core.search.system import Access

Node = Hashable
"""What a process has seen: a place in its program."""
StoreState = Hashable
Reply = Hashable


@dataclass(frozen=True, slots=True)
class Command:
    """A step on the store."""

    label: str
    """For people and schedules."""
    words: Hashable
    """For the store."""
    reads: frozenset[str]
    writes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signal:
    """A step that affects other processes instead of the store."""

    label: str
    targets: tuple[int, ...]
    """The processes that it affects; empty: it concerns only the process that takes it, which learns its
    fault."""
    kind: str
    """What happens to them."""


class Program(Protocol):
    """What one process does."""

    def begin(self) -> Node:
        """Where it starts."""

    def next(self, node: Node) -> Command | Signal | None:
        """Its pending step; None where it is over."""

    def after(self, node: Node, reply: Reply) -> Node:
        """Where the reply to its pending command leads (a signal's reply is None)."""

    def signalled(self, node: Node, kind: str) -> Node:
        """Where a signal leads."""

    def end(self, node: Node) -> Hashable:
        """What of an end at ``node`` matters: equal for ends that come to the same."""


class Store(Protocol):
    """What the commands work on."""

    def execute(self, state: StoreState, command: Command) -> tuple[Reply, StoreState]:
        """The reply, and the state after it."""


PackedState = tuple[int, ...]
"""The store's state by number, then each process's node by number."""

_Step = tuple[int, int]


class Composition:
    """A ``System`` of ``programs`` over ``store``, which begins in the state ``initial``."""

    def __init__(self, programs: Sequence[Program], store: Store, initial: StoreState) -> None:
        self.processes = len(programs)
        self._programs = tuple(programs)
        self._store = store
        self._nodes: list[tuple[int, Node]] = []
        self._node_numbers: dict[tuple[int, Node], int] = {}
        self._steps: list[Command | Signal | None] = []
        self._accesses: list[Access | None] = []
        self._stores: list[StoreState] = []
        self._store_numbers: dict[StoreState, int] = {}
        self._moves: dict[_Step, _Step] = {}
        self._commands: list[int] = []
        self._command_numbers: dict[Command, int] = {}
        self._effects: dict[_Step, tuple[Reply, int]] = {}
        self._keys: dict[str, int] = {}
        begins = [self._number(number, program.begin()) for number, program in enumerate(programs)]
        self._ends: dict[int, Hashable] = {}
        self._targets = self._signalled_processes(begins)
        if self._targets:  # accesses were made before it was known who can be signalled
            self._accesses = [
                self._access(number, step) for (number, _), step in zip(self._nodes, self._steps, strict=True)
            ]
        self._initial = (self._store_number(initial), *begins)

    def initial(self) -> PackedState:
        """See ``System``."""
        return self._initial

    def pending(self, state: PackedState) -> list[Access | None]:
        """See ``System``."""
        accesses = self._accesses
        return [accesses[node] for node in state[1:]]

    def execute(self, state: PackedState, process: int) -> PackedState:
        """See ``System``."""
        place = process + 1
        moved = self.move(state[place], state[0])
        after = [*state]
        after[place], after[0] = moved
        signal = self._steps[state[place]]
        if signal.__class__ is Signal:
            assert isinstance(signal, Signal)
            for target in signal.targets:
                after[target + 1] = self.signalled(state[target + 1], signal.kind)
        return tuple(after)

    def node(self, state: PackedState, process: int) -> Node:
        """Where ``process`` is."""
        return self._nodes[state[process + 1]][1]

    def step(self, state: PackedState, process: int) -> Command | Signal | None:
        """Its pending step."""
        return self._steps[state[process + 1]]

    def store_state(self, state: PackedState) -> StoreState:
        """The store's state."""
        return self._stores[state[0]]

    def store_numbered(self, number: int) -> StoreState:
        """A state of the store by its number."""
        return self._stores[number]

    # --- single processes, by the numbers of their nodes ----------------------------------------------------

    def process_of(self, node: int) -> int:
        """The process whose place ``node`` is."""
        return self._nodes[node][0]

    def step_of(self, node: int) -> Command | Signal | None:
        """What is pending there; None where the process is over."""
        return self._steps[node]

    def access_of(self, node: int) -> Access | None:
        """Which keys that step touches."""
        return self._accesses[node]

    def move(self, node: int, store: int) -> _Step:
        """The node and the number of the store's state after the step that is pending at ``node``."""
        step = (node, store)
        moved = self._moves.get(step)
        if moved is None:
            moved = self._moves[step] = self._move(self._nodes[node][0], step)
        return moved

    def effect(self, node: int, store: int) -> StoreState:
        """The store's state after the command that is pending at ``node``, wherever its reply leads."""
        return self._stores[self._effect(node, store)[1]]

    def signalled(self, node: int, kind: str) -> int:
        """Where a signal leads who is at ``node``."""
        process, value = self._nodes[node]
        return self._number(process, self._programs[process].signalled(value, kind))

    def as_process(self, node: int, process: int) -> int:
        """The same place of another process."""
        return self._number(process, self._nodes[node][1])

    def end_of(self, node: int) -> Hashable:
        """What of an end at ``node`` matters."""
        if node not in self._ends:
            process, value = self._nodes[node]
            self._ends[node] = self._programs[process].end(value)
        return self._ends[node]

    def _move(self, process: int, step: _Step) -> _Step:
        number, store_number = step
        node, command = self._nodes[number][1], self._steps[number]
        program = self._programs[process]
        if isinstance(command, Signal):
            return self._number(process, program.after(node, None)), store_number
        if command is None:
            raise ValueError(f"process {process} is over")
        reply, after = self._effect(number, store_number)
        return self._number(process, program.after(node, reply)), after

    def _effect(self, node: int, store: int) -> tuple[Reply, int]:
        """The reply to the command that is pending at ``node``, and the number of the store's state then."""
        asked = (self._commands[node], store)
        known = self._effects.get(asked)
        if known is None:
            command = self._steps[node]
            assert isinstance(command, Command)
            reply, after = self._store.execute(self._stores[store], command)
            known = self._effects[asked] = (reply, self._store_number(after))
        return known

    def _number(self, process: int, node: Node) -> int:
        known = self._node_numbers.get((process, node))
        if known is None:
            step = self._programs[process].next(node)
            access = self._access(process, step)
            known = self._node_numbers[process, node] = len(self._nodes)
            self._nodes.append((process, node))
            self._steps.append(step)
            number = -1
            if isinstance(step, Command):
                number = self._command_numbers.setdefault(step, len(self._command_numbers))
            self._commands.append(number)
            self._accesses.append(access)
        return known

    def _store_number(self, state: StoreState) -> int:
        known = self._store_numbers.get(state)
        if known is None:
            known = self._store_numbers[state] = len(self._stores)
            self._stores.append(state)
        return known

    def _signalled_processes(self, begins: Sequence[int]) -> frozenset[int]:
        signals = (self._steps[number] for number in begins)
        return frozenset(
            target for signal in signals if isinstance(signal, Signal) for target in signal.targets
        )

    def _access(self, process: int, step: Command | Signal | None) -> Access | None:
        if step is None:
            return None
        wire = self._bit(_wire(process)) if process in getattr(self, "_targets", ()) else 0
        if isinstance(step, Signal):
            return Access(wire, self._mask(frozenset(map(_wire, step.targets))))
        return Access(wire | self._mask(step.reads), self._mask(step.writes))

    def _mask(self, keys: frozenset[str]) -> int:
        mask = 0
        for key in sorted(keys):
            mask |= self._bit(key)
        return mask

    def _bit(self, key: str) -> int:
        return 1 << self._keys.setdefault(key, len(self._keys))


def _wire(process: int) -> str:
    """A key of its own for the faults of a process: its steps depend on that and on nothing else there."""
    return f"\0process {process}"

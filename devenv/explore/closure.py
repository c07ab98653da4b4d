"""What is not known yet of the behaviours that meet: every question that the states reached so far raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from devenv.core.errors import Inconclusive
from devenv.explore.behaviour import Behaviour, Heard, Unlearned
from devenv.explore.composition import Command, Composition, PackedState, Store, StoreState
from devenv.spec.learned_scripts import NotLearned, ScriptCall

MAX_STATES = 3_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What does a request of ``behaviour`` do at ``node`` when it hears this?

    ``process`` is who came there first, and ``store`` the state that its command left.
    """

    behaviour: Behaviour
    node: int
    heard: Heard
    process: int
    store: StoreState


@dataclass(slots=True)
class Closure:
    """Goes through the states of ``system`` as far as the behaviours are known.

    ``calls``: runs of scripts that must be known too, as the last ``questions`` found.
    """

    system: Composition
    store: Store
    calls: tuple[ScriptCall, ...] = ()
    _seen: dict[PackedState, None] = field(default_factory=dict)
    _open: list[tuple[PackedState, int]] = field(default_factory=list)
    _fresh: list[tuple[PackedState, int]] = field(default_factory=list)

    @property
    def states(self) -> int:
        """How many were reached."""
        return len(self._seen)

    def questions(self) -> Sequence[Question]:
        """What must be known to go on, each question once; none, and no ``calls``: everything is known."""
        found: dict[tuple[str, int, Heard], Question] = {}
        calls: dict[ScriptCall, None] = {}
        if not self._seen:
            self._reach(self.system.initial())
        steps = [*self._open, *self._fresh]
        self._open, self._fresh = [], []
        while steps:
            for state, process in steps:
                try:
                    after = self.system.execute(state, process)
                except NotLearned as unseen:
                    self._open.append((state, process))
                    calls[unseen.call] = None
                    continue
                except Unlearned as missing:
                    self._open.append((state, process))
                    asked = (missing.behaviour.name, missing.node, missing.heard)
                    if asked not in found:
                        found[asked] = self._question(missing, state, process)
                    continue
                self._reach(after)
            steps, self._fresh = self._fresh, []
        self.calls = tuple(calls)
        return tuple(found.values())

    def _reach(self, state: PackedState) -> None:
        if state in self._seen:
            return
        if len(self._seen) >= MAX_STATES:
            raise Inconclusive(
                f"there are more than {MAX_STATES} states; this is too large for the learned mode",
                hint="explore fewer requests, or use --mode random",
            )
        self._seen[state] = None
        pending = self.system.pending(state)
        steps = [(state, process) for process, access in enumerate(pending) if access is not None]
        self._fresh += steps

    def _question(self, missing: Unlearned, state: PackedState, process: int) -> Question:
        command = self.system.step(state, process)
        assert isinstance(command, Command)
        _, after = self.store.execute(self.system.store_state(state), command)
        return Question(missing.behaviour, missing.node, missing.heard, process, after)

"""What is not known yet of the behaviours that meet: every question that the states reached so far raise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from devenv.core.model.errors import Inconclusive
from devenv.core.search.behaviour import Behaviour, Heard, Unlearned
from devenv.core.search.composition import Command, Composition, PackedState, Store, StoreState
from devenv.core.spec.learned_scripts import NotLearned, ScriptCall

MAX_STATES = 3_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What does a request of ``behaviour`` do at ``node`` when it hears this?"""

    behaviour: Behaviour
    node: int
    heard: Heard
    process: int
    """The first that came there."""
    store: StoreState
    """The state that its command left."""


@dataclass(slots=True)
class Closure:
    """Goes through the states of ``system`` as far as the behaviours are known.

    ``go_on`` until it says that it is at the end, then ask ``questions`` and ``calls``, see to it that they
    can be answered, and go on.
    """

    system: Composition
    store: Store
    _seen: dict[PackedState, None] = field(default_factory=dict)
    _steps: deque[tuple[PackedState, int]] = field(default_factory=deque)
    _open: list[tuple[PackedState, int]] = field(default_factory=list)
    _questions: dict[tuple[str, int, Heard], Question] = field(default_factory=dict)
    _calls: dict[ScriptCall, None] = field(default_factory=dict)

    @property
    def states(self) -> int:
        """How many were reached."""
        return len(self._seen)

    def go_on(self, most: int) -> bool:
        """Take a bounded number of steps; False where there are more. Raises Inconclusive for too many
        states.
        """
        if not self._seen:
            self._reach(self.system.initial())
        for _ in range(most):
            if not self._steps:
                break
            self._take(*self._steps.popleft())
        return not self._steps

    def questions(self) -> tuple[tuple[Question, ...], tuple[ScriptCall, ...]]:
        """What must be known to go on, each question once, and which runs of scripts must be.

        Neither: everything is known. What was left open is then tried again.
        """
        asked = tuple(self._questions.values()), tuple(self._calls)
        self._questions.clear()
        self._calls.clear()
        self._steps.extend(self._open)
        self._open.clear()
        return asked

    def _take(self, state: PackedState, process: int) -> None:
        try:
            after = self.system.execute(state, process)
        except NotLearned as unseen:
            self._open.append((state, process))
            self._calls[unseen.call] = None
        except Unlearned as missing:
            self._open.append((state, process))
            asked = (missing.behaviour.name, missing.node, missing.heard)
            if asked not in self._questions:
                self._questions[asked] = self._question(missing, state, process)
        else:
            self._reach(after)

    def _reach(self, state: PackedState) -> None:
        if state in self._seen:
            return
        if len(self._seen) >= MAX_STATES:
            raise Inconclusive(
                f"there are more than {MAX_STATES} states; this is too large for the learned mode",
                hint="explore fewer requests, or use --mode direct with a --budget",
            )
        self._seen[state] = None
        pending = self.system.pending(state)
        self._steps.extend((state, process) for process, access in enumerate(pending) if access is not None)

    def _question(self, missing: Unlearned, state: PackedState, process: int) -> Question:
        command = self.system.step(state, process)
        assert isinstance(command, Command)
        _, after = self.store.execute(self.system.store_state(state), command)
        return Question(missing.behaviour, missing.node, missing.heard, process, after)

"""Learns what requests do from real pods: asks, until no state that can be reached raises a question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from devenv.core.model.errors import Inconclusive
from devenv.core.model.ids import SessionKey
from devenv.core.search.behaviour import (
    LOSE,
    RESTART,
    Answered,
    Behaviour,
    Event,
    FaultEffect,
    LearnedProgram,
    Place,
    Varying,
)
from devenv.core.search.clock_times import StandingTimes
from devenv.core.search.composition import Composition, PackedState, Program
from devenv.core.search.expression import Participant
from devenv.core.search.outcome import Outcome, Usual, beside_of, ends_session, is_graded_answer, life
from devenv.core.search.redis_store import RedisStore, document_of, fresh_database, keys_of, left_of
from devenv.core.search.reporter import SearchReporter
from devenv.core.search.shortest import Canonical
from devenv.core.search.states.cover import Cover, Meaning, TooWide
from devenv.core.search.states.places import Question, Split
from devenv.core.search.states.product_states import ProductSearch
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.core.spec.redis_model import Database
from devenv.verbs.explore.asking import Asking
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Fixture
from devenv.wire.executor.jobs import Call, Scripted, ScriptedRun

FEWER = "explore fewer requests, or use --mode direct with a --budget"
MAX_RESTARTS = 5
STATES_AT_A_TIME = 500
"""This many are gone through between two looks at the clock."""
COVERS_AT_A_TIME = 20
REPORTED_STATES = 10_000
"""This many lie between two reports of how far the search is."""
EXACT_STATES: Mapping[int, int] = {6: 15_000, 7: 3_000}
"""By the number of requests (more than 7: as 7): with more states a search is given up for a cover."""
EXACT_STATES_OF_FEW = 250_000
"""The same for fewer requests."""
MERGED_FROM = 4
"""From this many requests on, nodes with the same future are one place; with fewer it adds questions."""
MERGED_FROM_OF_ONE_KIND = 5
"""The same where only requests of one kind meet: there are fewer states."""
APART_STATES = 600
"""With more states, and ``MERGED_FROM`` requests, nodes with the same future are one place after all."""


@dataclass(slots=True)
class LearnedSystem:
    """A cast as a system to explore."""

    cast: tuple[Participant, ...]
    system: Composition
    programs: tuple[Program, ...]
    key: SessionKey
    limit: int | None
    """Graded answers that a session takes; 0: any number; None: not known."""
    usual: Usual
    """What requests leave of the key one after the other."""
    groups: tuple[int, ...]
    """The number of each participant's group; those of one group are interchangeable."""
    search: ProductSearch
    """What it can come to; at its end once the system was learned, unless there is a cover of its places."""
    cover: Cover | None = None
    """What it can come to at most, where there are too many states for a search."""

    @property
    def meaning(self) -> Meaning | None:
        """What ends mean to a cover; None where it is not known how many graded answers a session takes."""
        limit = self.limit
        if not limit:
            return None

        def ends(process: int, end: Hashable) -> bool:
            if isinstance(self.programs[process], LearnedProgram):
                return ends_session(_answer_of(end), limit)
            return end is True and self.cast[process].event == "expire"

        return Meaning(
            limit,
            graded=lambda process, end: self.is_request(process) and is_graded_answer(_answer_of(end)),
            ends=ends,
            request=self.is_request,
        )

    def canonical(self) -> Canonical[PackedState]:
        """What ``shortest_runs`` takes for one: states that differ in which process of a group is where."""
        system, groups = self.system, self.groups
        members = [
            tuple(process for process, group in enumerate(groups) if group == number)
            for number in sorted(set(groups))
        ]
        first = [groups.index(group) for group in groups]
        alike: dict[int, int] = {}

        def place(state: PackedState, process: int) -> int:
            node = state[process + 1]
            known = alike.get(node)
            if known is None:
                known = alike[node] = system.as_process(node, first[process])
            return known

        def form(state: PackedState, last: int) -> Hashable:
            places = [tuple(sorted(place(state, process) for process in each)) for each in members]
            return state[0], *places, -1 if last < 0 else (first[last], place(state, last))

        return form

    def is_request(self, process: int) -> bool:
        """Whether a participant is a request."""
        return self.cast[process].answer is not None

    def remains(self, store: int, happened: Sequence[bool]) -> Outcome:
        """What a state of the store comes to, without the answers to the requests."""
        database = self.system.store_numbered(store)
        assert isinstance(database, Database)
        return self._outcome(database, (), happened)

    def outcome(self, state: PackedState) -> Outcome:
        """What a final state comes to."""
        database = self.system.store_state(state)
        assert isinstance(database, Database)
        answers: list[Answered] = []
        happened: list[bool] = []
        for number, (participant, program) in enumerate(zip(self.cast, self.programs, strict=True)):
            node = self.system.node(state, number)
            if isinstance(program, LearnedProgram):
                answers.append(program.answer(node))
            elif affected := participant.affects(self.cast):
                happened.append(any(self._was_affected(state, participant, target) for target in affected))
            else:
                happened.append(node is True)
        return self._outcome(database, answers, happened)

    def _outcome(self, database: Database, answers: Sequence[Answered], happened: Sequence[bool]) -> Outcome:
        left = life(left_of(database, self.key))
        beside = beside_of(keys_of(database), self.key)
        return Outcome(tuple(answers), tuple(happened), left, document_of(database, self.key), beside)

    def _was_affected(self, state: PackedState, event: Participant, target: int) -> bool:
        program, node = self.programs[target], self.system.node(state, target)
        assert isinstance(program, LearnedProgram)
        return program.lost_a_reply(node) if event.target is not None else program.cut_short(node)


@dataclass(slots=True)
class Learner:
    """What is known of each kind of request to ``stage``, and of the scripts that they call."""

    fixture: Fixture
    remote: Remote
    scripts: LearnedScripts
    reporter: SearchReporter = field(default_factory=SearchReporter)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    times: StandingTimes = field(default_factory=StandingTimes)
    current: LearnedSystem | None = None
    """What is being learned, or was last."""
    most_states: int | None = None
    """With more product states a cover is made instead; None: as the number of requests has it."""
    states_seconds: float = 0.0
    """How long states and covers were gone through, without waiting for pods."""
    _places: frozenset[Place] = frozenset()
    _asked: int = 0
    _turn: int = 0

    async def learn(
        self, cast: Sequence[Participant], in_time: Callable[[], None] = lambda: None
    ) -> LearnedSystem:
        """The cast as a system of which everything is known. ``in_time`` raises where there is no time left.

        Raises Inconclusive where the pods do not do the same again, NotModelled where the model lacks a
        command, GateBypassed where a request sends none.
        """
        for _ in range(MAX_RESTARTS):
            try:
                return await self._learn(cast, in_time)
            except Varying as varying:
                if self.fixture.key.encode() in varying.keys:
                    raise Inconclusive(
                        "the same request writes another text into the session each time, and not only the "
                        "times in it differ: what the next request does with it cannot be learned",
                        hint="--mode direct runs every order on real pods",
                    ) from None
                # Also what was learned before is named wrongly then: begin anew, it costs little.
                self._places |= varying.places
                self.behaviours.clear()
        raise Inconclusive("the words of a command change from request to request in ever new places")

    def system(self, cast: Sequence[Participant]) -> LearnedSystem:
        """The cast as a system, also where little of it is known yet."""
        programs: list[Program] = []
        for number, value in enumerate(cast):
            if value.answer is not None:
                programs.append(LearnedProgram(self.behaviours[value.letter], value.name, number))
            elif affected := value.affects(cast):
                programs.append(
                    FaultEffect(affected, value.name, LOSE if value.target is not None else RESTART)
                )
            else:
                programs.append(Event(value.name, value.event or "", self.fixture.key))
        system = Composition(programs, RedisStore(self.scripts), self._fresh())
        groups = self._groups(cast)
        requests = sum(1 for item in cast if item.answer is not None)
        one_kind = len({item.letter for item in cast}) == 1
        merge = requests >= (MERGED_FROM_OF_ONE_KIND if one_kind else MERGED_FROM)
        search = ProductSearch(system, groups, merge=merge)
        fixture = self.fixture
        return LearnedSystem(
            tuple(cast),
            system,
            tuple(programs),
            fixture.key,
            fixture.limit,
            fixture.usual,
            tuple(groups),
            search,
        )

    def _groups(self, cast: Sequence[Participant]) -> list[int]:
        """Equal requests that nothing tells apart are one group; everything else is one of its own."""
        affected = {target for item in cast for target in item.affects(cast)}
        numbers: dict[tuple[str, int | None], int] = {}
        groups = []
        for number, item in enumerate(cast):
            alone = item.answer is None or number in affected or self.behaviours[item.letter].personal
            groups.append(numbers.setdefault((item.letter, number if alone else None), len(numbers)))
        return groups

    async def _learn(self, cast: Sequence[Participant], in_time: Callable[[], None]) -> LearnedSystem:
        """Ask and search in turn; the search goes on with the last answers while pods work on the next ones.

        What is asked when does not depend on how fast anything is.
        """
        await self._begin(cast)
        learned = self.current = self.system(cast)
        groups = self._groups(cast)
        asking = Asking(lambda questions: self._answers(cast, questions))
        try:
            while True:
                await self._search(learned, in_time)
                questions, calls = learned.search.questions()
                if calls:
                    for call, effect in zip(calls, await self.remote.scripts(calls), strict=True):
                        self.scripts.learn(call, effect)
                elif not questions and asking.idle:
                    return learned
                in_time()
                for question, run in await asking.turn(questions):
                    question.behaviour.learn(*self.times.stand(run.heard, run.seen))
                    self._asked += 1
                if learned.cover is not None:
                    learned.cover.ask_again()
                self.reporter.learning(self._asked, learned.search.states)
                if self._groups(cast) != groups:  # a request leaves a name that was not seen before
                    learned = self.current = self.system(cast)
                    groups = self._groups(cast)
        finally:
            await asking.aclose()

    async def _search(self, learned: LearnedSystem, in_time: Callable[[], None]) -> None:
        """Go through everything that can be without another answer."""
        requests = sum(1 for item in learned.cast if item.answer is not None)
        reported = learned.search.states
        while not self._went_through(learned, requests):
            in_time()
            if learned.search.states >= reported + REPORTED_STATES:
                reported = learned.search.states
                self.reporter.learning(self._asked, reported)
            await asyncio.sleep(0)  # where Ctrl-C comes through, and pods get the next questions

    def _went_through(self, learned: LearnedSystem, requests: int) -> bool:
        began = time.perf_counter()
        try:
            return _go_on(learned, requests, self.most_states)
        finally:
            self.states_seconds += time.perf_counter() - began

    async def _answers(self, cast: Sequence[Participant], questions: Sequence[Question]) -> list[ScriptedRun]:
        return await self.remote.scripted([self._job(cast, question) for question in questions])

    async def _begin(self, cast: Sequence[Participant]) -> None:
        """Every new kind of request twice alone: what differs is a name."""
        new = {
            item.letter: item
            for item in cast
            if item.answer is not None and item.letter not in self.behaviours
        }
        jobs = [
            Scripted(self._call(item), (), self._fresh(), number, self._places)
            for number, item in enumerate(new.values())
            for _ in range(2)
        ]
        runs = await self.remote.scripted(jobs) if jobs else []
        self._asked += len(jobs)
        for number, letter in enumerate(new):
            behaviour = Behaviour(letter)
            for run in runs[2 * number : 2 * number + 2]:
                behaviour.learn(*self.times.stand(run.heard, run.seen))
            self.behaviours[letter] = behaviour

    def _job(self, cast: Sequence[Participant], question: Question) -> Scripted:
        heard = (*question.behaviour.history(question.node), question.heard)
        assert isinstance(question.store, Database)
        call = self._call(cast[question.process])
        return Scripted(call, heard, question.store, question.process, self._places)

    def _call(self, participant: Participant) -> Call:
        self._turn += 1
        return self.fixture.call(participant, self.fixture.pods[self._turn % len(self.fixture.pods)])

    def _fresh(self) -> Database:
        return fresh_database(self.fixture.key, self.fixture.document, self.fixture.ttl_ms)


def _go_on(learned: LearnedSystem, requests: int, most_states: int | None) -> bool:
    """Take some states, or covers where there are too many states. False where there are more."""
    search, cover = learned.search, learned.cover
    if cover is not None:
        try:
            return cover.go_on(COVERS_AT_A_TIME)
        except Split:
            search.restart()
            cover.restart()
            return False
        except TooWide as unbounded:
            raise Inconclusive("so many requests come to too many ends", hint=FEWER) from unbounded
    if not search.merges and requests >= MERGED_FROM and search.states > APART_STATES:
        learned.search = ProductSearch(learned.system, learned.groups, merge=True)
        return False
    meaning = learned.meaning
    most = most_states or EXACT_STATES.get(min(requests, max(EXACT_STATES)), EXACT_STATES_OF_FEW)
    if meaning is not None and search.states > most:
        learned.search = ProductSearch(learned.system, learned.groups, merge=False)
        learned.cover = Cover(learned.search, meaning)
        return False
    return search.go_on(STATES_AT_A_TIME)


def _answer_of(end: Hashable) -> Answered:
    assert isinstance(end, tuple)
    answer = end[0]
    assert isinstance(answer, Answered)
    return answer

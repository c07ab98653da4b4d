"""Behaviours learned from requests, here from the guide's verify played by hand on the Redis model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from devenv.core.model.ids import SessionKey
from devenv.core.resp.values import OK
from devenv.core.search.behaviour import (
    LOSE,
    LOST,
    NO_ANSWER,
    RESTART,
    Act,
    Answered,
    Behaviour,
    Event,
    FaultEffect,
    Issued,
    LearnedProgram,
    NoFunction,
    Varying,
)
from devenv.core.search.composition import Composition
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.redis_store import RedisStore, fresh_database
from devenv.core.search.states.places import Question
from devenv.core.search.states.product_states import ProductSearch
from devenv.core.search.system import canonical
from devenv.core.spec.redis_model import NO_SCRIPTS
from tests.unit.core.search.oracles import count_interleavings, count_traces, enumerate_all

KEY = SessionKey("rcaptcha:abstract:1")
STORE = RedisStore(NO_SCRIPTS)
FRESH = fresh_database(KEY, json.dumps({"attempts": 0, "positive": True}).encode(), 60_000)


def guide_request(kind: str) -> Any:
    """The guide's verify as a generator: yields what it does, is sent the replies."""
    key = KEY.encode()

    def get() -> Any:
        reply = yield Issued(((b"GET", key),))
        return None if reply is None else json.loads(reply)

    document = yield from get()
    if document is None:
        return Answered(200, json.dumps({"success": False, "message": "Challenge not found"}))
    passed = {"R": bool(document.get("positive")), "E": not document.get("positive"), "W": False}[kind]
    value = (yield from get()) or {}
    value["attempts"] = attempts = value.get("attempts", 0) + 1
    data = json.dumps(value).encode()
    left = yield Issued(((b"TTL", key),))
    write = (b"SETEX", key, b"%d" % left, data) if left > 0 else (b"SET", key, data)
    yield Issued((write,), transaction=True)
    if passed or attempts >= 2:
        yield Issued(((b"DEL", key),))
    return Answered(200, json.dumps({"success": passed, "attempts": attempts}))


def play(kind: str, heard: tuple[Any, ...], database: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """One request on given replies, then on the model."""
    request, seen, message = guide_request(kind), [], [*heard]
    try:
        doing = next(request)
        for number in count():
            seen.append(doing)
            if number == len(message):
                reply, database = STORE.act(database, Act(0, doing.commands, doing.transaction))
                message.append(reply)
            doing = request.send(message[number])
    except StopIteration as end:
        seen.append(end.value)
    return tuple(message), tuple(seen)


def learned(letters: str) -> tuple[Composition, int]:
    """The system, and how many requests it took."""
    asked, behaviours = learned_behaviours(letters)
    return composed(letters, behaviours), asked


def composed(letters: str, behaviours: dict[str, Behaviour]) -> Composition:
    programs: list[Any] = [
        Event("@expire:s1", "expire", KEY)
        if letter == "X"
        else LearnedProgram(behaviours[letter], f"V{position}", position)
        for position, letter in enumerate(letters)
    ]
    return Composition(programs, STORE, FRESH)


def raised(search: ProductSearch) -> Sequence[Question]:
    while not search.go_on(7):
        pass
    questions, calls = search.questions()
    assert not calls
    return questions


def groups(letters: str) -> list[int]:
    return [letters.index(letter) for letter in letters]


def learned_behaviours(letters: str, merge: bool = False) -> tuple[int, dict[str, Behaviour]]:
    behaviours = {letter: Behaviour(letter) for letter in letters if letter != "X"}
    asked = 0
    for letter, behaviour in behaviours.items():
        behaviour.learn(*play(letter, (), FRESH))
        asked += 1
    search = ProductSearch(composed(letters, behaviours), groups(letters), merge=merge)
    while questions := raised(search):
        for question in questions:
            heard = (*question.behaviour.history(question.node), question.heard)
            question.behaviour.learn(*play(question.behaviour.name, heard, question.store))
            asked += 1
    return asked, behaviours


@pytest.mark.parametrize(
    ("letters", "traces", "interleavings"),
    [("WW", 8, 70), ("RR", 36, 252), ("WWW", 564, 43_500), ("RWE", 1_977, 119_402), ("RRX", 367, 2_148)],
)
def test_the_learned_system_is_the_real_one(letters: str, traces: int, interleavings: int) -> None:
    system, asked = learned(letters)
    assert count_traces(system).traces == traces
    assert count_interleavings(system) == interleavings
    assert SourceDpor(system, lambda run, state: None).search().traces == traces
    assert asked < traces


def test_the_same_twice() -> None:
    (one, asked), (other, again) = learned("RWE"), learned("RWE")
    assert asked == again
    runs: list[list[tuple[int, ...]]] = [[], []]
    for system, result in zip((one, other), runs, strict=True):
        SourceDpor(system, lambda run, state: result.append(tuple(run))).search()  # noqa: B023
    assert runs[0] == runs[1]


def get(word: bytes = b"k") -> Issued:
    return Issued(((b"GET", word),))


def test_words_that_differ_are_told_by_their_place() -> None:
    behaviour = Behaviour("R")
    behaviour.learn((None,), (Issued(((b"SET", b"k", b"token1"),)), Answered(200, "{}")))
    with pytest.raises(Varying) as varying:
        behaviour.learn((None,), (Issued(((b"SET", b"k", b"token2"),)), Answered(200, "{}")))
    assert varying.value.places == {("SET", 0, 3, 2)}


def test_a_request_that_does_otherwise_is_no_function() -> None:
    behaviour = Behaviour("R")
    behaviour.learn((None,), (get(), Answered(200, "{}")))
    with pytest.raises(NoFunction, match="GET k once and DEL k once"):
        behaviour.learn((), (Issued(((b"DEL", b"k"),)),))
    with pytest.raises(NoFunction):
        behaviour.learn((None,), (get(), Answered(500, "{}")))


def test_names_of_its_own_are_each_process_s() -> None:
    behaviour = Behaviour("R")
    taken = Issued(((b"SET", b"lock", b"<self:0>", b"NX"),))
    behaviour.learn((b"<self:0>",), (taken, Answered(200, "{}")))
    first, second = LearnedProgram(behaviour, "V1", 0), LearnedProgram(behaviour, "V2", 1)
    command = second.next(0)
    assert command.words.commands == ((b"SET", b"lock", b"<V2:0>", b"NX"),)  # type: ignore[union-attr]
    assert first.after(0, b"<V1:0>") == second.after(0, b"<V2:0>") == 1


def test_a_lost_reply_is_a_way_of_its_own() -> None:
    behaviour = Behaviour("R")
    behaviour.learn((b"1",), (get(), Answered(200, "{}")))
    behaviour.learn((LOST, b"1"), (get(), get(), Answered(200, "{}")))
    programs: list[Any] = [LearnedProgram(behaviour, "V1", 0), FaultEffect((0,), "lost:V1", LOSE)]
    database = fresh_database(SessionKey("k"), b"1", 1000)
    system = Composition(programs, STORE, database)
    ends = []
    SourceDpor(system, lambda run, state: ends.append((tuple(run), system.node(state, 0)))).search()
    lost = {run: programs[0].lost_a_reply(node) for run, node in ends}
    assert lost == {(0, 1): False, (1, 0, 0): True}


def test_what_a_transaction_watches_it_depends_on() -> None:
    behaviour = Behaviour("R")
    watch = Issued(((b"WATCH", b"a"),))
    execute = Issued(((b"SET", b"b", b"1"),), transaction=True)
    behaviour.learn((OK, (OK,)), (watch, execute, Answered(200, "{}")))
    command = LearnedProgram(behaviour, "V1", 0).next(1)
    assert "a" in command.reads and command.writes == {"b"}  # type: ignore[union-attr]


def restarted(letters: str, pods: list[tuple[int, ...]]) -> Composition:
    """The guide's requests, and a restart for each of ``pods``: the requests that it serves."""
    _, behaviours = learned_behaviours(letters)
    programs: list[Any] = [
        LearnedProgram(behaviours[letter], f"V{position}", position)
        for position, letter in enumerate(letters)
    ]
    programs += [FaultEffect(served, "@restart", RESTART) for served in pods]
    return Composition(programs, STORE, FRESH)


def test_a_restart_ends_what_has_begun_and_nothing_else() -> None:
    system = restarted("R", [(0,)])
    request = LearnedProgram(learned_behaviours("R")[1]["R"], "V0", 0)
    ends = []

    def visit(run: Any, state: Any) -> None:
        ends.append((tuple(run), request.answer(system.node(state, 0))))

    SourceDpor(system, visit).search()
    # GET GET TTL EXEC DEL, the restart (1) after 0 to 5 of them; then one step in which the caller learns it.
    answers = dict(ends)
    assert len(ends) == len(answers) == 6
    gone = {run for run, answer in ends if answer == NO_ANSWER}
    assert gone == {(0,) * before + (1, 0) for before in range(1, 5)}
    assert answers[1, 0, 0, 0, 0, 0].status == answers[0, 0, 0, 0, 0, 1].status == 200


@pytest.mark.parametrize(
    ("letters", "pods"), [("WW", [(0,)]), ("WW", [(0, 1)]), ("RW", [(1,), (0,)]), ("WE", [(1,), (1,)])]
)
def test_with_restarts_too_every_trace_is_run_once(letters: str, pods: list[tuple[int, ...]]) -> None:
    system = restarted(letters, pods)
    naive: dict[Any, Any] = {}
    reduced: list[Any] = []
    enumerate_all(system, lambda run, state: naive.update({canonical(system, run): state}))
    SourceDpor(system, lambda run, state: reduced.append((canonical(system, run), state))).search()
    assert len(reduced) == len(naive) == count_traces(system).traces
    assert dict(reduced) == naive


def test_a_watch_ends_with_unwatch_and_with_its_connection() -> None:
    watch, unwatch = Issued(((b"WATCH", b"a"),)), Issued(((b"UNWATCH",),))
    execute = Issued(((b"SET", b"b", b"1"),), transaction=True)
    behaviour = Behaviour("R")
    end = behaviour.learn((OK, OK, (OK,)), (watch, unwatch, execute, Answered(200, "{}")))
    assert behaviour.watched(behaviour.path(end)[1]) == {"a"}
    assert behaviour.watched(behaviour.path(end)[2]) == frozenset()
    end = behaviour.learn((OK, LOST, OK), (watch, unwatch, watch, Answered(200, "{}")))
    assert behaviour.watched(behaviour.path(end)[2]) == frozenset()
    assert behaviour.watched(end) == {"a"}
    assert LearnedProgram(behaviour, "V1", 0).next(1).writes == frozenset()  # type: ignore[union-attr]


def test_a_connection_that_is_lost_watches_nothing() -> None:
    _, database = STORE.act(FRESH, Act(0, ((b"WATCH", KEY.encode()),), False))
    assert dict(database.clients)[0].watched == (KEY.encode(),)
    _, database = STORE.act(database, Act(0, ((b"GET", KEY.encode()),), False, cut=True))
    assert database == FRESH
    _, database = STORE.act(database, Act(0, ((b"WATCH", KEY.encode()),), False))
    reply, database = STORE.act(database, Act(0, ((b"DISCARD",),), False))
    assert (reply, database) == (OK, FRESH)

"""What decides a replay's verdict, and what is said of it: on a store that its file names, or on none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.checker.invariants import InvariantViolation, Kind
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.scenario import Scenario, find, parse
from devenv.harness.client.recording import Recording
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.replay.judged_by import in_words, judged_by
from devenv.verbs.replay.judgement import Judgement, PlayViolation
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.result import ReplayResult, junit_suite
from devenv.verbs.replay.summary import summary

HEAD = """\
version: 1
id: of-a-person
title: A file of a person
cause: pod-memory
needs: [R]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
"""
WITH_SESSION = (
    "sessions: {s: any}\nsteps:\n  - {create: s, pod: A}\n  - {verify: s, pod: B, answer: wrong%s}\n"
)
FOR_ALL = ", expect: {outcome: success}"
FOR_ONE = ", expect: {guide: {outcome: success}}"
REQUEST = "steps:\n  - {request: GET /x%s}\n"
LOST = PlayViolation(1, InvariantViolation(Kind.NOT_LINEARIZABLE, "s", "the session was lost"))
UNCLEAR = Judgement((), ("1 × an answer that is not known: HTTP 500",))
DEVIATES = 'outcome: expected success, got "wrong"'


def scenario(steps: str, expect: str) -> Scenario:
    return parse(HEAD + steps % expect, "of-a-person.yaml")


def played(
    of: Scenario, *deviations: str, judgement: Judgement | None = None, prevented: tuple[str, ...] = ()
) -> ReplayResult:
    """One play on a service with a store of its own, whose last step deviates."""
    play = tuple(Observed(number, 1, f"step {number}", {}, ()) for number, _ in enumerate(of.steps, start=1))
    last = replace(play[-1], deviations=deviations, prevented=prevented)
    return ReplayResult(
        of, Strategy.GUIDE, ((*play[:-1], last),), (0.1,), Recording(), None, "own", False,
        judgement or Judgement(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "verdict", "judged", "left_out"),
    [
        (played(scenario(WITH_SESSION, FOR_ALL)), "holds", (2,), ()),
        (played(scenario(WITH_SESSION, FOR_ALL), DEVIATES), "fails", (2,), ()),
        (played(scenario(WITH_SESSION, FOR_ALL), judgement=Judgement((LOST,))), "fails", (2,), ()),
        (played(scenario(WITH_SESSION, FOR_ALL), judgement=UNCLEAR), "inconclusive", (2,), ()),
        (played(scenario(WITH_SESSION, FOR_ONE)), "holds", (), (2,)),
        (played(scenario(WITH_SESSION, FOR_ONE), judgement=Judgement((LOST,))), "fails", (), (2,)),
        (played(scenario(WITH_SESSION, "")), "holds", (), ()),
        (played(scenario(WITH_SESSION, ""), prevented=("status: expected 200, got 500",)), "inconclusive",
         (), ()),
        (played(scenario(REQUEST, ", expect: {status: 200}")), "holds", (1,), ()),
        (played(scenario(REQUEST, ", expect: {status: 200}"), "status: expected 200, got 500"), "fails",
         (1,), ()),
        (played(scenario(REQUEST, ", expect: {guide: {status: 200}}")), "not checked", (), (1,)),
        (played(scenario(REQUEST, "")), "not checked", (), ()),
        (played(find("lost-session")), "holds", (), (3, 4)),
    ],
)  # fmt: skip
def test_on_a_store_that_the_file_does_not_name(
    result: ReplayResult, verdict: str, judged: tuple[int, ...], left_out: tuple[int, ...]
) -> None:
    assert (result.verdict, result.written, result.left_out) == (verdict, judged, left_out)
    data = result.to_json()
    assert (data["expectations_judged"], data["expectations_not_judged"]) == ([*judged], [*left_out])
    text = junit_xml([junit_suite(result)])
    problems = {"holds": (0, 0), "fails": (0, 1)}.get(verdict, (1, 0))
    assert (text.count("<error"), text.count("<failure")) == problems
    page = summary(result, explain_trace([], "nothing"))
    assert verdict in page
    assert in_words(result).startswith(verdict)
    if left_out:
        assert ("nothing of this store" if verdict == "not checked" else "Not judged: what") in page


def test_what_it_was_judged_by_is_said() -> None:
    both = played(scenario(WITH_SESSION, FOR_ALL))
    assert judged_by(both) == (
        "Judged by what the sessions of any service must keep, and by what the file expects of every store, "
        "at step 2.",
    )
    assert in_words(both).startswith("holds: it went as the file expects, and what")
    assert in_words(played(both.scenario, DEVIATES)) == "fails: it did not go as expected"
    assert judged_by(played(scenario(WITH_SESSION, FOR_ONE))) == (
        "Judged by what the sessions of any service must keep.",
        "Not judged: what of-a-person expects at step 2: that is about the stores memory, guide, atomic, the "
        "sessions are in own. --strategy measures it against one of these stores.",
    )
    assert judged_by(played(find("lost-session")))[1].startswith(
        "Not judged: what lost-session expects: that"
    )
    assert judged_by(replace(both, measured=True)) == ()


def test_a_file_that_expects_nothing_of_its_store_is_judged_by_the_invariants() -> None:
    """ "It went as the scenario expects" would say nothing: a lost session is a failure."""
    nothing = replace(played(scenario(WITH_SESSION, "")), measured=True)
    lost = replace(nothing, judgement=Judgement((LOST,)))
    assert (nothing.verdict, lost.verdict) == ("holds", "fails")
    assert in_words(nothing) == "holds: what the sessions of any service must keep was not violated"
    assert replace(nothing, judgement=UNCLEAR).verdict == "inconclusive"
    of_another = replace(played(scenario(WITH_SESSION, FOR_ONE)), measured=True, strategy=Strategy.ATOMIC)
    assert (of_another.verdict, of_another.left_out) == ("holds", (2,))
    assert replace(of_another, judgement=Judgement((LOST,))).verdict == "fails"
    assert replace(of_another, judgement=Judgement((LOST,)), strategy=Strategy.GUIDE).verdict == "holds"
    assert replace(played(scenario(REQUEST, "")), measured=True).verdict == "not checked"

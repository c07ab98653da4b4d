"""The verdict on each kind of session of a user-provided service, and on all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devenv.core.diagnosis.findings import finding
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.own_story import (
    QUOTED,
    KindTrials,
    OwnAct,
    OwnStory,
    OwnVerdict,
    UnknownAnswer,
    kind_story,
    quoted,
)
from devenv.verbs.explain.explanation import Explanation, Group, explain_trace

HOLDS, FAILS, UNCLEAR = OwnVerdict.HOLDS, OwnVerdict.FAILS, OwnVerdict.UNCLEAR
KNOWN, GONE, ERROR = Tally(3, wrong=3), Tally(3, not_found=3), Tally(3, error=3)
CRASH = UnknownAnswer("using it on another pod", "captcha-api-b", 500, "Internal Error", 3, "KeyError: 'x'")
REFUSED = UnknownAnswer("opening a session", "captcha-api-a", 401, '{"detail":"token"}', 2)

KEPT = KindTrials(KNOWN, KNOWN)
LOST = KindTrials(GONE, KNOWN)
CRASHED = KindTrials(ERROR, KNOWN, (CRASH,))
LOST_AND_CRASHED = KindTrials(Tally(3, not_found=2, error=1), KNOWN, (CRASH,))
CLOSED = KindTrials(Tally(), Tally(), (REFUSED,))


@pytest.mark.parametrize(
    ("first", "with_redis", "verdict", "sentence"),
    [
        (LOST, None, HOLDS, "3 sessions were not found"),
        (KEPT, None, HOLDS, "no session was lost"),
        (LOST, KEPT, HOLDS, "3 sessions were not found without Redis, none was lost with it"),
        (KEPT, KEPT, HOLDS, "no session was lost"),
        (KEPT, LOST, FAILS, "with Redis 3 sessions were lost all the same"),
        # what was proven stays proven
        (LOST_AND_CRASHED, None, HOLDS, "2 sessions were not found"),
        (LOST_AND_CRASHED, KEPT, HOLDS, "2 sessions were not found without Redis, none was lost with it"),
        (CRASHED, LOST_AND_CRASHED, FAILS, "with Redis 2 sessions were lost all the same"),
        # what is not known is quoted
        (LOST, CRASHED, UNCLEAR, f"not known: {CRASH}"),
        (CRASHED, None, UNCLEAR, f"not known: {CRASH}"),
        (CLOSED, CLOSED, UNCLEAR, f"could not be opened: {REFUSED}"),
    ],
)
def test_one_kind(
    first: KindTrials, with_redis: KindTrials | None, verdict: OwnVerdict, sentence: str
) -> None:
    story = kind_story(first, with_redis)
    assert (story.verdict, story.sentence) == (verdict, sentence)


def story(*acts: dict[str, KindTrials]) -> OwnStory:
    """A story of these trials, without Redis first."""
    nothing = explain_trace([], "nothing")
    switch = (None,) if len(acts) == 1 else (False, True)
    message = tuple(OwnAct(flag, "x", trials, (), nothing) for flag, trials in zip(switch, acts, strict=True))
    return OwnStory("main:app", "captcha", ("a", "b"), message, 1.0, "run", Path("r.html"), Path("l.txt"))


@pytest.mark.parametrize(
    ("acts", "verdict", "sentence"),
    [
        (({"a": LOST, "b": CLOSED},), HOLDS, "the bug is there: 3 sessions were not found; no verdict on b"),
        (({"a": KEPT, "b": CLOSED},), UNCLEAR, "no session was lost; no verdict on b"),
        (
            ({"a": CLOSED, "b": CRASHED},), UNCLEAR,
            "no verdict on a, b: no answer says whether a session is there",
        ),
        (
            ({"a": LOST, "b": CRASHED}, {"a": KEPT, "b": CRASHED}), UNCLEAR,
            "the bug is there: 3 sessions were not found without Redis, none was lost with it; "
            "no verdict on b",
        ),
        (
            ({"a": LOST, "b": CRASHED}, {"a": LOST, "b": CRASHED}), FAILS,
            "the bug is there, and with Redis 3 sessions were lost all the same; no verdict on b",
        ),
        (
            ({"a": LOST}, {"a": KEPT}), HOLDS,
            "the bug is there: 3 sessions were not found without Redis, none was lost with it",
        ),
        (({"a": KEPT}, {"a": KEPT}), HOLDS, "no session was lost, without Redis and with it"),
    ],
)  # fmt: skip
def test_all_kinds(acts: tuple[dict[str, KindTrials], ...], verdict: OwnVerdict, sentence: str) -> None:
    message = story(*acts)
    assert (message.verdict, message.sentence) == (verdict, sentence)


def test_an_unknown_answer_is_quoted_with_status_first_characters_and_log() -> None:
    assert str(CRASH) == (
        "3 × HTTP 500 when using it on another pod: Internal Error (log of captcha-api-b: KeyError: 'x')"
    )
    nothing = UnknownAnswer("opening a session", "captcha-api-a", None, "ReadTimeout")
    assert str(nothing) == "1 × no answer came when opening a session: ReadTimeout"
    assert quoted("  two\n lines ") == "two lines"
    assert len(quoted("x" * 500)) == QUOTED


def diagnosed(use_redis: bool | None, cause: str | None = "handwriting-global") -> OwnAct:
    """An act in which every session of two kinds was known, and one cause was found, of the first kind."""
    groups = (
        (Group(finding(cause, None, "a sentence"), 10, (), (), (), (), ("handwriting",)),) if cause else ()
    )
    explanation = Explanation("a trace", None, groups, (), 1, "1 challenge", ())
    return OwnAct(use_redis, "USE_REDIS", {"handwriting": KEPT, "abstract": KEPT}, (), explanation)


def story_of(*acts: OwnAct) -> OwnStory:
    return OwnStory("a service", "captcha", ("a", "b"), acts, 1.0, "run", Path("r.html"), Path("logs"))


def test_the_table_never_contradicts_the_diagnosis_under_it() -> None:
    act = diagnosed(None)
    assert act.cell("handwriting", KNOWN) == ("3 of 3 known, but handwriting-global × 10", False)
    assert act.cell("abstract", KNOWN) == ("3 of 3 known", True)
    assert act.cell("handwriting", GONE) == ("3 × not found", False)
    assert story_of(act).sentence == "no session was lost, but handwriting-global × 10"


@pytest.mark.parametrize(
    ("cause", "cell"),
    [
        ("pod-memory", ("3 of 3 known", True)),
        ("handwriting-global", ("3 of 3 known, but handwriting-global × 10", False)),
    ],
)
def test_a_loss_that_the_table_shows_is_not_repeated_beside_what_was_known(
    cause: str, cell: tuple[str, bool]
) -> None:
    act = replace(diagnosed(None, cause), trials={"handwriting": LOST, "abstract": KEPT})
    assert act.cell("handwriting", KNOWN) == cell


def test_what_is_found_with_redis_fails_though_no_session_was_lost() -> None:
    message = story_of(diagnosed(False), diagnosed(True))
    assert message.verdict is FAILS
    assert (
        message.sentence
        == "no session was lost, and with Redis no session was lost, but handwriting-global × 10"
    )
    assert message.kinds["abstract"].verdict is HOLDS
    assert story_of(diagnosed(False), diagnosed(True, None)).verdict is HOLDS

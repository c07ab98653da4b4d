"""What is worth knowing although nothing went wrong."""

from __future__ import annotations

import pytest

from devenv.core.diagnosis.remarks import remarks
from devenv.core.diagnosis.stories import join
from devenv.core.model.events import StackEvent

from .conftest import DOC, PASSED, A, B, Trace


@pytest.mark.parametrize(
    ("replies", "count"),
    [
        (["-LOADING Redis is loading the dataset in memory"], 1),
        (["-LOADING Redis is loading the dataset in memory", DOC], 0),
        ([DOC], 0),
        ([], 0),
    ],
)
def test_a_use_that_passed_although_redis_did_not_show_the_session(
    trace: Trace, replies: list[str], count: int
) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(B, challenge_id, PASSED, *(("GET", reply) for reply in replies))
    sentences = remarks(join(trace.events))
    assert len(sentences) == count
    text = f"answered success for {challenge_id[:6]} although Redis had answered GET with -LOADING"
    assert all(text in sentence for sentence in sentences)
    assert remarks(join(trace.events), trace.now + 1) == ()


@pytest.mark.parametrize(
    ("separate", "in_redis", "count"), [(True, False, 1), (True, True, 0), (False, False, 0)]
)
def test_a_session_that_is_known_on_another_pod_without_redis(
    trace: Trace, separate: bool, in_redis: bool, count: int
) -> None:
    """Of a user-provided service: a file, a database, a token. Ours has no other store."""
    if separate:
        trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    challenge_id = trace.create(A, in_redis=in_redis)
    trace.verify(B, challenge_id, PASSED, *([("GET", DOC)] if in_redis else []))
    sentences = remarks(join(trace.events))
    assert len(sentences) == count
    assert all("1 session was known on a pod that had not opened" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("wrote", "args", "then", "count"),
    [
        ("HSET", ("n", "0"), None, 1),
        ("SET", (DOC,), None, 1),
        ("HSET", ("n", "0"), "EXPIRE", 0),
        ("HSET", ("n", "0"), "DEL", 0),
        ("HSET", ("n", "0"), "used: DEL", 1),
        ("SET", (DOC, "EX", "60"), None, 0),
        ("SETEX", ("60", DOC), None, 0),
    ],
)
def test_a_session_that_is_never_given_a_time_to_live(
    trace: Trace, wrote: str, args: tuple[str, ...], then: str | None, count: int
) -> None:
    """The sessions of a user-provided service may be meant to stay: it is said, and no finding."""
    trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    for challenge_id in ("c1" * 16, "c2" * 16):
        request = trace.begin(A, "create")
        trace.say(A, wrote, challenge_id, "OK", *args)
        used, command = (then or "").startswith("used: "), (then or "").removeprefix("used: ")
        if command and not used:
            trace.say(A, command, challenge_id, "1")
        trace.end(request, {"challenge_id": challenge_id})
        if used:  # the sessions that nobody uses stay
            trace.verify(A, challenge_id, {"success": True}, (command, "1"))
    sentences = remarks(join(trace.events))
    assert len(sentences) == count and trace.causes() == []
    for sentence in sentences:
        assert f"was written by {wrote} without a time to live (1 more likewise), and no command" in sentence

"""Handwriting without a challenge id: judged by the word of another pod, or of another user."""

from __future__ import annotations

from devenv.core.model.vocabulary import CaptchaType

from .conftest import NOT_FOUND, A, B, Trace

HAND = CaptchaType.HANDWRITING
MEMORY = {"USE_REDIS": "false"}
REDIS = {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}
GET_NIL = ("GET", "(nil)")


def hand(trace: Trace, pod: str, answer: dict[str, object], challenge_id: str | None = None) -> None:
    trace.verify(pod, challenge_id, answer, captcha=HAND)


WRONG_WORD: dict[str, object] = {"success": False}
RIGHT_WORD: dict[str, object] = {"success": True}


def test_judged_by_the_other_pods_word(trace: Trace) -> None:
    trace.create(A, None, captcha=HAND)
    trace.create(B, None, captcha=HAND)
    hand(trace, B, WRONG_WORD)
    assert trace.causes() == ["handwriting-global"]


def test_a_wrong_word_with_nobody_else_there(trace: Trace) -> None:
    trace.create(A, None, captcha=HAND)
    hand(trace, A, WRONG_WORD)
    hand(trace, A, RIGHT_WORD)
    assert trace.causes() == []


def test_a_solved_word_that_passes_again(trace: Trace) -> None:
    trace.create(A, None, captcha=HAND)
    hand(trace, A, RIGHT_WORD)
    hand(trace, A, RIGHT_WORD)
    assert trace.causes() == ["handwriting-global"]


def test_a_new_word_may_pass_too(trace: Trace) -> None:
    for _ in range(2):
        trace.create(A, None, captcha=HAND)
        hand(trace, A, RIGHT_WORD)
    assert trace.causes() == []


def test_one_word_has_no_limit(trace: Trace) -> None:
    trace.create(A, None, captcha=HAND)
    for answer in (WRONG_WORD, WRONG_WORD, RIGHT_WORD):
        hand(trace, A, answer)
    assert trace.causes() == ["attempts-limit"]


def test_a_word_in_redis_judged_by_a_pod_in_memory(trace: Trace) -> None:
    trace.pod(A, **REDIS)
    trace.pod(B, **MEMORY)
    challenge_id = trace.create(A, in_redis=True, captcha=HAND)
    hand(trace, B, WRONG_WORD, challenge_id)
    assert trace.causes() == ["mixed-flags"]


def test_a_word_in_memory_looked_for_in_redis(trace: Trace) -> None:
    trace.pod(A, **REDIS)
    trace.pod(B, **MEMORY)
    trace.create(B, None, captcha=HAND)
    hand(trace, A, NOT_FOUND)
    assert trace.causes() == ["mixed-flags"]

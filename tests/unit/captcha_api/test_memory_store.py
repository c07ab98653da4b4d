"""The process's own sessions, by a clock that the tests turn."""

from typing import Any

import pytest

from devenv.captcha_api.errors import Refusal, Ungraded
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.captcha_api.submissions import AbstractSubmission, HandwritingSubmission
from devenv.core.model.vocabulary import CaptchaType


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Any:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Any:
    store = MemoryStore(60, clock)
    store.create(CaptchaType.ABSTRACT, "c", {"is_positive": [True, False, True], "attempts": 0})
    return store


def answer(*selections: Any, challenge_id: Any = "c") -> Any:
    return AbstractSubmission(challenge_id, selections, None, None)


def word(text: str, challenge_id: Any = "") -> Any:
    return HandwritingSubmission(challenge_id, "aGk=", lambda image: text)


def refusal(store: MemoryStore, submission: Any) -> Any:
    with pytest.raises(Ungraded) as caught:
        store.verify(submission)
    return caught.value.refusal


def test_success_ends_the_session(store: MemoryStore) -> None:
    verdict = store.verify(answer(0, 2))
    assert (verdict.passed, verdict.attempts, verdict.ended) == (True, 1, True)
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND


def test_two_wrong_answers_end_it(store: MemoryStore) -> None:
    first, second = store.verify(answer(1)), store.verify(answer())
    assert (first.attempts, first.ended) == (1, False)
    assert (second.attempts, second.ended) == (2, True)
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND


def test_right_at_the_second_try(store: MemoryStore) -> None:
    store.verify(answer(1))
    verdict = store.verify(answer(0, 2))
    assert (verdict.passed, verdict.attempts) == (True, 2)


def test_expired_once_then_not_found(store: MemoryStore, clock: Clock) -> None:
    clock.now += 60.1
    assert refusal(store, answer(0, 2)) == Refusal.EXPIRED
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND


def test_alive_until_its_ttl(store: MemoryStore, clock: Clock) -> None:
    clock.now += 60
    assert store.verify(answer(0, 2)).passed


def test_abandoned_sessions_are_forgotten_in_the_end(store: MemoryStore, clock: Clock) -> None:
    clock.now += 121
    store.create(CaptchaType.ABSTRACT, "d", {"is_positive": [True], "attempts": 0})
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND, "expired would mean that it is still kept"
    assert store.sessions_here()["abstract"] == 1


def test_expired_sessions_are_not_counted_also_where_no_other_is_made(
    store: MemoryStore, clock: Clock
) -> None:
    clock.now += 60
    assert store.sessions_here()["abstract"] == 1
    clock.now += 0.1
    assert store.sessions_here()["abstract"] == 0
    assert refusal(store, answer(0, 2)) == Refusal.EXPIRED


def test_an_ungraded_answer_costs_nothing(store: MemoryStore) -> None:
    with pytest.raises(Ungraded):
        store.verify(AbstractSubmission("c", [1], ["x"], "secret"))
    assert store.verify(answer(1)).attempts == 1


def test_a_session_that_another_request_ended_while_gathering(store: MemoryStore) -> None:
    class Slow(AbstractSubmission):
        def gather(self, document: Any) -> None:
            store.verify(answer(0, 2))

    assert refusal(store, Slow("c", [0, 2], None, None)) == Refusal.NOT_FOUND


def test_one_word_for_everybody(store: MemoryStore) -> None:
    assert not store.create(CaptchaType.HANDWRITING, "x", {"target_class": "apple"})
    assert store.verify(word("Apple!")).passed
    assert store.verify(word("apple", challenge_id="whatever")).passed, (
        "the id is ignored and success uses nothing up"
    )
    store.create(CaptchaType.HANDWRITING, "y", {"target_class": "bus"})
    verdict = store.verify(word("apple", challenge_id="x"))
    assert (verdict.passed, verdict.attempts, verdict.ended) == (False, None, False)


def test_no_word_yet_is_not_called_not_found(store: MemoryStore) -> None:
    with pytest.raises(Ungraded) as caught:
        store.verify(word("apple"))
    assert caught.value.refusal == Refusal.UNGRADED
    assert "not found" not in caught.value.message

"""Times in the words of requests stand still, whatever else is in them; names stay names."""

from __future__ import annotations

import pytest

from devenv.core.search.behaviour import LOST, Answered, Behaviour, Issued, Varying
from devenv.core.search.clock_times import StandingTimes, skeleton, without_times


def written(text: str, key: str = "s:1") -> Issued:
    return Issued(((b"SET", key.encode(), text.encode()),))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"user": "a", "last_access": 1764500000.123}', '{"user": "a", "last_access": 1764500007.5}'),
        ('{"_expire":1764586400123,"a":1}', '{"_expire":1764586400999,"a":1}'),
        ('{"expires":"2026-11-30T10:00:00.123Z"}', '{"expires":"2026-11-30T10:00:01.9Z"}'),
        ("user|s:5:alice;seen|i:1764500000;", "user|s:5:alice;seen|i:1764500001;"),
    ],
    ids=["seconds", "milliseconds", "ISO 8601", "PHP"],
)  # fmt: skip
def test_the_same_request_writes_the_same_text_at_another_time(one: str, other: str) -> None:
    times, behaviour = StandingTimes(), Behaviour("W")
    for text in (one, other):
        behaviour.learn(*times.stand((b"OK",), (written(text), Answered(200, "{}"))))
    assert behaviour.seen[0] == written(one)


def test_what_is_read_back_is_what_was_written() -> None:
    times = StandingTimes()
    times.stand((), (written('{"at": 1764500000}'),))
    heard, seen = times.stand((b"OK", LOST, b'{"at": 1764500009}'), (written('{"at": 1764500009}'),))
    assert heard == (b"OK", LOST, b'{"at": 1764500000}')
    assert seen == (written('{"at": 1764500000}'),)


def test_an_answer_may_say_a_time() -> None:
    times = StandingTimes()
    times.stand((), (Answered(200, '{"until": 1764500000}'),))
    assert times.stand((), (Answered(200, '{"until": 1764500009}'),))[1] == (
        Answered(200, '{"until": 1764500000}'),
    )


def test_a_word_that_is_a_time_and_nothing_else_may_be_a_name() -> None:
    times, behaviour = StandingTimes(), Behaviour("W")
    behaviour.learn(*times.stand((), (written("1764500000123", "lock:1"),)))
    with pytest.raises(Varying) as varying:
        behaviour.learn(*times.stand((), (written("1764500000124", "lock:1"),)))
    assert varying.value.keys == {b"lock:1"}


@pytest.mark.parametrize("text", ['{"n": 17645}', '{"id": "a1764500000"}', '{"n": 9764500000}', '{"n": 1.5}'])
def test_other_numbers_are_no_times(text: str) -> None:
    assert without_times(text) == text
    assert skeleton(text) == ((text,), ())


def test_texts_of_different_forms_keep_their_own_times() -> None:
    times = StandingTimes()
    times.stand((), (written('{"n": 1, "at": 1764500000}'),))
    assert times.stand((), (written('{"n": 2, "at": 1764500005}'),))[1] == (
        written('{"n": 2, "at": 1764500005}'),
    )
    assert times.stand((), (written('{"n": 2, "at": 1764500009}'),))[1] == (
        written('{"n": 2, "at": 1764500005}'),
    )

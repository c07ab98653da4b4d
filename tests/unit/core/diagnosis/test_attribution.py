"""Which request sent a command: by its pod, by the challenge in its key, by who waits for a reply."""

from __future__ import annotations

from devenv.core.diagnosis.attribution import LATE_SECONDS, Challenges, Span, attribute
from devenv.core.model.events import RedisCommand
from devenv.core.model.ids import ChallengeId

ONE, TWO = ChallengeId("1" * 32), ChallengeId("2" * 32)
KNOWN = Challenges([ONE, TWO])


def command(
    seq: int, received: float, key: str | None = None, *, pod: str = "a", name: str = "GET", took: float = 0.1
) -> RedisCommand:
    ended = received + took
    return RedisCommand(
        seq, pod, seq, name, (), key, "x", received, ended, forwarded=received, delivered=ended
    )


def test_a_challenge_is_found_whatever_stands_around_it() -> None:
    for key in (
        f"rcaptcha:abstract:{ONE}",
        f"{{x}}{ONE}:attempts",
        f"receipt:{{rcaptcha:{ONE}}}",
        f"a_{ONE}",
    ):
        assert KNOWN.of(key) == ONE
    assert KNOWN.of("rcaptcha:abstract:" + "3" * 32) is None
    assert KNOWN.of(f"x{ONE}") is None  # part of a longer id


def test_only_a_request_of_the_pod_that_is_under_way() -> None:
    spans = [Span(7, "a", ONE, 1.0, 2.0)]
    commands = [
        command(1, 0.5), command(2, 1.5), command(3, 2.5), command(4, 1.5, pod="b"), command(5, 1.5, pod="c")
    ]  # fmt: skip
    assert attribute(commands, spans, KNOWN) == {2: 7}


def test_the_key_decides_between_requests_of_one_pod() -> None:
    spans = [Span(7, "a", ONE, 1.0, 9.0), Span(8, "a", TWO, 1.0, 9.0)]
    commands = [command(1, 2.0, f"k:{TWO}"), command(2, 2.0, f"k:{ONE}"), command(3, 3.0, "k:" + "3" * 32)]
    owners = attribute(commands, spans, KNOWN)
    assert (owners[1], owners[2]) == (8, 7)
    assert owners[3] in (7, 8)  # the key names no known challenge: it does not decide


def test_a_request_that_waits_for_a_reply_sends_nothing_else() -> None:
    spans = [Span(7, "a", ONE, 1.0, 9.0), Span(8, "a", ONE, 1.5, 9.0)]
    commands = [command(1, 2.0, f"k:{ONE}", took=3.0), command(2, 3.0, f"k:{ONE}", took=0.1)]
    owners = attribute(commands, spans, KNOWN)
    assert {owners[1], owners[2]} == {7, 8}


def test_a_request_may_go_on_for_a_while_after_its_answer() -> None:
    spans = [Span(7, "a", ONE, 1.0, 2.0), Span(8, "a", TWO, 1.0, 99.0)]
    late = command(1, 2.0 + LATE_SECONDS, f"k:{ONE}")
    too_late = command(2, 2.1 + LATE_SECONDS, f"k:{ONE}")
    assert attribute([late, too_late], spans, KNOWN) == {1: 7}

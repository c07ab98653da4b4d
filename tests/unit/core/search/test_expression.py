"""Expressions and commands' keys."""

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Answer
from devenv.core.search.access import EVERYTHING, keys_of, touched
from devenv.core.search.expression import parse_meeting
from devenv.core.search.frontier import independent


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("W+W", "W+W"),
        ("2 W", "W+W"),
        ("3w", "W+W+W"),
        ("R + W+E", "R+W+E"),
        ("X+R+2 W", "R+W+W+X"),
        ("R+W+E+X", "R+W+E+X"),
    ],
)
def test_expressions(text: str, letters: str) -> None:
    assert str(parse_meeting(text)) == letters


@pytest.mark.parametrize("text", ["", "Q", "R+", "X", "R-W", "17 R", "0 R", "R+L+L"])
def test_what_is_no_expression_is_told(text: str) -> None:
    with pytest.raises(UsageProblem):
        parse_meeting(text)


def test_events_are_added_by_their_words() -> None:
    assert str(parse_meeting("R+W", ["expiry", "lost"])) == "R+W+X+L"
    with pytest.raises(UsageProblem, match="'flood' is no event"):
        parse_meeting("R", ["flood"])


def test_a_lost_reply_may_be_anybodys() -> None:
    casts = parse_meeting("R+W+X+L").cast()
    assert [[item.name for item in cast] for cast in casts] == [
        ["V1", "V2", "@expire:s1", "lost:V1"],
        ["V1", "V2", "@expire:s1", "lost:V2"],
    ]
    assert [one_cast.target for one_cast in casts[1]] == [None, None, None, 1]
    assert casts[0][0].answer is Answer.RIGHT
    assert len(parse_meeting("3 R+L+L").cast()) == 3


def test_any_pod_may_be_restarted() -> None:
    def restarts(text: str, pods: int | None = None) -> list[list[tuple[str, tuple[int, ...]]]]:
        casts = parse_meeting(text).cast(pods=pods)
        return [[(item.name, item.affects(cast)) for item in cast if item.letter == "P"] for cast in casts]

    assert restarts("R+W+P") == [[("@restart:A", (0,))], [("@restart:B", (1,))]]
    assert restarts("R+W+E+P", pods=2) == [[("@restart:A", (0, 2))], [("@restart:B", (1,))]]
    assert restarts("R+W+P", pods=1) == [[("@restart:A", (0, 1))]]
    assert len(restarts("R+W+P+P")) == 3  # A A, A B, B B
    assert str(parse_meeting("R", ["restart"])) == "R+P"


def words(text: str) -> tuple[bytes, ...]:
    return tuple(text.encode().split())


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("GET a", ["a"]),
        ("DEL a b", ["a", "b"]),
        ("MSET a 1 b 2", ["a", "b"]),
        ("EVALSHA f 2 a b c", ["a", "b"]),
        ("RENAME a b", ["a", "b"]),
        ("FLUSHALL", [EVERYTHING]),
        ("EVAL return 0", [EVERYTHING]),
    ],
)
def test_keys_of_commands(text: str, keys: list[str]) -> None:
    assert list(keys_of(words(text))) == keys


def test_what_depends_on_what() -> None:
    def step(*commands: str, watched: str = "") -> object:
        return touched([words(command) for command in commands], frozenset(watched.split()))

    def order_matters(one: object, other: object) -> bool:
        return not independent(one, other)  # type: ignore[arg-type]

    assert not order_matters(step("GET a"), step("TTL a"))
    assert order_matters(step("GET a"), step("DEL a"))
    assert not order_matters(step("SET a 1"), step("SET b 1"))
    assert order_matters(step("SET a 1", "GET b"), step("SET b 1"))  # a transaction
    assert order_matters(step("SET a 1", watched="b"), step("SET b 1"))
    assert order_matters(step("FLUSHALL"), step("GET a"))
    assert order_matters(step("UNHEARDOF a"), step("GET a"))

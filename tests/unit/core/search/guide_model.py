"""The migration guide's verify, written by hand from its published commands, over one key of Redis.

The counts in docs/failures.md were measured with the real thing; this program must give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devenv.core.search.composition import Command, Composition

KEY = "session"
FULL = "full"  # the document with its positives
STUB = "stub"  # what the attempts helper writes over nothing


@dataclass(frozen=True)
class Key:
    """None is written as attempts -1: no key."""

    document: str
    attempts: int
    has_ttl: bool


Stored = Key | None


def read(name: str) -> Command:
    return Command(name, (name,), frozenset({KEY}), frozenset())


def write(name: str, *words: Any) -> Command:
    return Command(name, (name, *words), frozenset(), frozenset({KEY}))


class Redis:
    def execute(self, state: Any, command: Command) -> tuple[Any, Any]:
        words: Any = command.words
        name, *words = words
        if name == "GET":
            return (state and (state.document, state.attempts)), state
        if name == "TTL":
            return (-2 if state is None else 60 if state.has_ttl else -1), state
        if name == "EXEC":
            document, attempts, has_ttl = words
            return "OK", Key(document, attempts, has_ttl)
        if name == "DEL":
            return (0 if state is None else 1), None
        assert name == "@expire"
        return None, (None if state is not None and state.has_ttl else state)


@dataclass(frozen=True)
class Verify:
    """kind: R, W or E. Nodes are tuples of replies; the last element may be the answer."""

    kind: str

    def begin(self) -> Any:
        return ()

    def passes(self, document: str) -> bool:
        return self.kind == ("E" if document == STUB else "R")

    def next(self, seen: Any) -> Any:
        if not seen:
            return read("GET")
        if seen[0] is None:
            return None  # not found
        if len(seen) == 1:
            return read("GET")
        if len(seen) == 2:
            return read("TTL")
        document, attempts = seen[1] or (STUB, 0)
        if len(seen) == 3:
            return write("EXEC", document, attempts + 1, seen[2] > 0)
        if len(seen) == 4 and (self.passes(seen[0][0]) or attempts + 1 >= 2):
            return write("DEL")
        return None

    def after(self, seen: Any, reply: Any) -> Any:
        return (*seen, reply)

    def signalled(self, seen: Any, kind: str) -> Any:
        raise NotImplementedError

    def end(self, seen: Any) -> Any:
        return self.answer(seen)

    def answer(self, seen: Any) -> tuple[str, int | None]:
        if seen[0] is None:
            return "not found", None
        attempts = (seen[1] or (STUB, 0))[1] + 1
        return ("success" if self.passes(seen[0][0]) else "wrong"), attempts


@dataclass(frozen=True)
class Expiry:
    def begin(self) -> Any:
        return ()

    def next(self, seen: Any) -> Any:
        return None if seen else write("@expire")

    def after(self, seen: Any, reply: Any) -> Any:
        return ("done",)

    def signalled(self, seen: Any, kind: str) -> Any:
        raise NotImplementedError

    def end(self, seen: Any) -> Any:
        return seen


def guide(letters: str) -> Composition:
    """One verify per letter R, W, E over a fresh challenge, and an expiry for X."""
    programs: list[Any] = [Expiry() if letter == "X" else Verify(letter) for letter in letters]
    return Composition(programs, Redis(), Key(FULL, 0, True))

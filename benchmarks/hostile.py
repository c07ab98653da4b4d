"""What hostile text costs each reader of foreign text: growth with length, and CPU seconds for a megabyte.

    python benchmarks/hostile.py [--json] [--only TEXT] [--size KB] [--failed]

Every reader is given every shape at two lengths, the second twice the first; a shape that is read fast is
made longer, so that the clock's steps do not count. A reader is linear where double the length costs at most
2.2 times the CPU time, and cheap where a megabyte costs at most 0.5 s. Of a reader that refuses at once what
is longer than a limit the longest text counts: 2 s for .env and devenv.toml, 60 s for a megabyte of YAML. It
may refuse a text, and nothing else may be raised. The best of several tries counts, as other programs only
ever add time. Nothing is started, and nothing is written.
Exit: 0 every reader is linear and cheap, 1 one is not or breaks, 3 the machine is too noisy to say.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devenv.core.model.errors import DevenvError
from tests.hostile import COPIES, LIMITED, READERS, SHAPES

MEGABYTE = 1_000_000
GROWTH = 2.2
CHEAP = 0.5
CHEAP_LIMITED = 2.0
"""For the longest text that is not refused at once."""
CHEAP_YAML = 60.0
ENOUGH = 0.02
"""CPU seconds from which a measurement counts."""
LIMIT = 5.0
"""CPU seconds after which one reading is given up; it is neither linear nor cheap then."""
TRIES = 8


class TooLong(BaseException):
    """A reading took longer than ``LIMIT``."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One reader on one shape."""

    reader: str
    """Its name in ``READERS``."""
    shape: str
    """Its name in ``SHAPES``."""
    size: int
    """Characters of the shorter text."""
    growth: float | None
    """Times that double the length costs; None where it is too fast to be measured, or was given up."""
    seconds: float
    """CPU seconds for a megabyte of what is read, or for the longest text of a limited reader."""
    broken: str = ""
    """The error, where it raised another than a refusal."""

    @property
    def holds(self) -> bool:
        """Whether it is as it must be."""
        return self.linear and self.cheap and not self.broken

    @property
    def linear(self) -> bool:
        """Whether double the length costs about double."""
        return self.growth is None or self.growth <= GROWTH

    @property
    def cheap(self) -> bool:
        """Whether a megabyte costs little."""
        if self.reader in LIMITED:
            return self.seconds <= (CHEAP_YAML if self.reader.startswith("YAML") else CHEAP_LIMITED)
        return self.seconds <= CHEAP

    def line(self) -> str:
        """For people."""
        growth = "-" if self.growth is None else f"{self.growth:.2f}"
        verdict = "" if self.holds else f"  <-- {self.broken or 'too slow'}"
        return f"{self.reader:24} {self.shape:28} {self.size:>9} {growth:>6} {self.seconds:>8.3f}{verdict}"


def cost(read: Callable[[str], object], text: str) -> float:
    """CPU seconds of one reading; a refusal is a reading too. Raises TooLong."""
    began = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        with suppress(DevenvError):
            read(text)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - began


def measure(reader: str, shape: str, start: int) -> Measured:
    """Grow the text until it costs enough, then compare with double the length."""
    read, make = READERS[reader], SHAPES[shape]
    size = start
    megabyte = MEGABYTE / COPIES.get(reader, 1)
    try:
        if (limit := LIMITED.get(reader)) is not None:
            if limit >= MEGABYTE:  # YAML: measured at a tenth, which is enough to wait for
                limit = MEGABYTE // 10
                return Measured(reader, shape, limit, None, 10 * cost(read, make(limit)[:limit]))
            return Measured(reader, shape, limit, None, cost(read, make(limit)[:limit]))
        while (first := cost(read, make(size))) < ENOUGH and size < MEGABYTE:
            size *= 2
        if first < ENOUGH:
            return Measured(reader, shape, size, None, first * megabyte / size)
        growth = float("inf")
        for _ in range(TRIES):
            first = min(first, cost(read, make(size)))
            second = cost(read, make(2 * size))
            growth = min(growth, second / max(first, 1e-9))
            if growth <= GROWTH:
                break
        return Measured(reader, shape, size, growth, first * megabyte / size)
    except TooLong:
        return Measured(reader, shape, size, float("inf"), LIMIT * megabyte / size)
    except Exception as error:
        return Measured(reader, shape, size, None, 0.0, f"{type(error).__name__}: {error}"[:80])


def noisy() -> bool:
    """Whether a loop that is linear for sure does not seem so."""

    def loop(count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            pass
        return time.process_time() - began

    best = min(loop(2_000_000) / loop(1_000_000) for _ in range(TRIES))
    return not 1.7 < best < GROWTH


def measurements(only: str, start: int) -> Iterator[Measured]:
    """All readers on all shapes; of those whose names have ``only`` in them."""
    for reader in READERS:
        for shape in SHAPES:
            if only in f"{reader} {shape}":
                yield measure(reader, shape, start)


def main() -> int:
    """Measure; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="readers and shapes with this in their names"
    )
    parser.add_argument("--size", type=int, default=8, metavar="KB", help="where to begin [default: 8]")
    parser.add_argument("--failed", action="store_true", help="show only what is too slow")
    given = parser.parse_args()

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGVTALRM, give_up)
    found = []
    for one in measurements(given.only, given.size * 1000):
        found.append(one)
        if not given.json and not (given.failed and one.holds):
            print(one.line(), flush=True)
    slow = [one for one in found if not one.holds]
    if given.json:
        print(json.dumps({"slow": len(slow), "measured": [one.line().split() for one in found]}))
    else:
        print(f"{len(found)} measured, {len(slow)} too slow or broken")
    if slow and not any(one.broken for one in slow) and noisy():
        print("the machine is too noisy to say", file=sys.stderr)
        return 3
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

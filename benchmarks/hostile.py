"""What hostile text costs each reader of foreign text: growth with length, and CPU seconds for a megabyte.

    python -m benchmarks.hostile [--json] [--only TEXT] [--failed] [--jobs N]

Every reader is given a megabyte of every shape, and a quarter of it. It is linear where double the length
costs at most 2.2 times the CPU time (the square root of what four times the length costs), and cheap where a
megabyte costs at most 0.5 s. What costs less than 0.02 s a megabyte is cheap whatever its growth is. Of a
reader that refuses at once what is longer than a limit the longest text counts: 2 s for .env and devenv.toml,
60 s for a megabyte of YAML, of which 16 kB are measured. Whole files of many parts (tests/hostile_files.py)
are read and made scenarios of, or copies: 2 s. A reader may refuse a text, and nothing else may be raised.
Nothing is started, and nothing is written.

A figure is the median of readings that alternate with those of the other length. Readings are repeated until
the figure and its uncertainty (twice the standard error of the median) lie on one side of both limits, at
most until they took 4 s. Caches of the readers are emptied before each reading.
Exit: 0 every reader is linear and cheap, 1 one is not or breaks, 3 the machine is too noisy to say.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devenv.core.model.errors import DevenvError
from tests.hostile import COPIES, LIMITED, READERS, SHAPES
from tests.hostile_files import FILES

MEGABYTE = 1_000_000
YAML_SHARE = 64
"""The part of the longest YAML text that is measured: all of it would take a minute."""
DOUBLINGS = 2
"""Between the shorter and the longer text."""
GROWTH = 2.2
CHEAP = 0.5
CHEAP_LIMITED = 2.0
"""For the longest text that is not refused at once, and for whole files."""
CHEAP_YAML = 60.0
WHOLE = "file"
"""What is measured in place of a reader where a whole file is the shape."""
FREE = 0.02
"""CPU seconds for a megabyte below which growth does not count."""
BATCH = 0.01
"""CPU seconds at least of one reading: a fast one is repeated so often, and divided."""
FEWEST, MOST = 3, 25
"""Readings of each length."""
LONGEST = 4.0
"""CPU seconds after which a row is not repeated any more."""
LIMIT = 10.0
"""CPU seconds after which one reading is given up; it is neither linear nor cheap then."""


class TooLong(BaseException):
    """A reading took longer than ``LIMIT``."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number."""

    value: float
    uncertainty: float = 0.0
    """The true number is this far away at most, in 19 of 20 cases."""

    def within(self, limit: float) -> bool | None:
        """Whether it is at most ``limit``; None where its uncertainty leaves that open."""
        if abs(self.value - limit) < self.uncertainty:
            return None
        return self.value <= limit


@dataclass(frozen=True, slots=True)
class Measured:
    """One reader on one shape."""

    reader: str
    """Its name in ``READERS``, or ``file``."""
    shape: str
    """Its name in ``SHAPES``, or in ``FILES``."""
    size: int
    """Characters of the longer text."""
    readings: int
    """Of each length."""
    growth: Figure
    """Times that double the length costs."""
    seconds: Figure
    """CPU seconds for a megabyte of what is read, or for the longest text of a limited reader."""
    broken: str = ""
    """The error, where it raised another than a refusal."""

    @property
    def holds(self) -> bool | None:
        """Whether it is as it must be; None where the figures are too uncertain to say."""
        if self.broken:
            return False
        cheap = self.seconds.within(_most_seconds(self.reader))
        linear = self.growth.within(GROWTH) or self.seconds.within(FREE) or self.growth.within(GROWTH)
        return False if False in (cheap, linear) else None if None in (cheap, linear) else True

    def line(self) -> str:
        """For people."""
        verdict = {True: "", False: f"  <-- {self.broken or 'too slow'}", None: "  <-- too uncertain"}
        growth = f"{self.growth.value:6.2f} ±{self.growth.uncertainty:4.2f}"
        seconds = f"{self.seconds.value:8.3f} ±{self.seconds.uncertainty:5.3f}"
        return f"{self.reader:24} {self.shape:28} {self.size:>8} {growth} {seconds}{verdict[self.holds]}"


@dataclass(slots=True)
class Readings:
    """Of one text."""

    read: Callable[[str], object]
    text: str
    seconds: list[float] = field(default_factory=list)
    """CPU seconds of one reading each."""
    batch: int = 1
    """This many readings are measured together."""

    def add(self) -> None:
        """Read once more. Raises TooLong."""
        if not self.seconds:
            self.batch = min(100, int(BATCH / max(_cost(self.read, self.text), 1e-6)) + 1)
        self.seconds.append(sum(_cost(self.read, self.text) for _ in range(self.batch)) / self.batch)

    @property
    def total(self) -> float:
        """CPU seconds of all of them."""
        return sum(self.seconds) * self.batch

    @property
    def figure(self) -> Figure:
        """Their median. Its standard error is 1.2533 σ/√n, σ 1.4826 times the median deviation."""
        middle = median(self.seconds)
        deviation = median(abs(one - middle) for one in self.seconds)
        return Figure(middle, 2 * 1.2533 * 1.4826 * deviation / len(self.seconds) ** 0.5)


def _most_seconds(reader: str) -> float:
    if reader not in LIMITED:
        return CHEAP_LIMITED if reader == WHOLE else CHEAP
    return CHEAP_YAML if reader.startswith("YAML") else CHEAP_LIMITED


@cache
def _caches() -> list[Any]:
    """Those of the readers (functools.lru_cache)."""
    return [one for one in gc.get_objects() if callable(getattr(type(one), "cache_clear", None))]


def _cost(read: Callable[[str], object], text: str) -> float:
    """CPU seconds of one reading; a refusal is a reading too. Raises TooLong.

    The thread's clock: that of the process moves in steps of some milliseconds while a timer runs (Linux).
    """
    for one in _caches():
        one.cache_clear()
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    began = time.thread_time()
    try:
        with suppress(DevenvError):
            read(text)
    finally:
        taken = time.thread_time() - began
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return taken


def measure(reader: str, shape: str) -> Measured:
    """Read two lengths in turn until the figures say whether the row holds."""
    read, make = FILES[shape] if reader == WHOLE else (READERS[reader], _cut(SHAPES[shape]))
    whole = LIMITED.get(reader, MEGABYTE // COPIES.get(reader, 1))
    if reader == WHOLE:  # files are a little longer than they are asked for, and own files have this limit
        whole -= whole // 100
    size = whole // YAML_SHARE if reader.startswith("YAML") else whole
    try:
        # What would take hours at full length is measured on a shorter text.
        if _cost(read, make(size // 64)) > LIMIT / 64:
            size //= 64
        short, long = (Readings(read, make(length)) for length in (size >> DOUBLINGS, size))
        while True:
            short.add()
            long.add()
            measured = _measured(reader, shape, size, short, long, whole / size)
            count, taken = len(long.seconds), short.total + long.total
            decided = count >= FEWEST and measured.holds is not None
            if (decided and (measured.holds or count >= 2 * FEWEST)) or count == MOST or taken > LONGEST:
                return measured
    except TooLong:
        never = Figure(float("inf"))
        return Measured(reader, shape, size, 0, never, never, f"given up after {LIMIT:.0f} s")
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[:80]
        return Measured(reader, shape, size, 0, Figure(0.0), Figure(0.0), words)


def _cut(make: Callable[[int], str]) -> Callable[[int], str]:
    """Texts of exactly the length that is asked for."""
    return lambda size: make(size)[:size]


def _measured(reader: str, shape: str, size: int, short: Readings, long: Readings, times: float) -> Measured:
    little, much = short.figure, long.figure
    growth = (much.value / max(little.value, 1e-9)) ** (1 / DOUBLINGS)
    spread = sum((one.uncertainty / max(one.value, 1e-9)) ** 2 for one in (little, much)) ** 0.5
    # What every reading costs counts once: the rest of the whole text costs what the longer one has more.
    more = max(much.value - little.value, 0.0) / (1 - 0.5**DOUBLINGS)
    seconds = Figure(much.value + (times - 1) * more, times * much.uncertainty)
    growth_figure = Figure(growth, growth * spread / DOUBLINGS)
    return Measured(reader, shape, size, len(long.seconds), growth_figure, seconds)


def _prepare() -> None:
    """In each process that measures: a reading that takes too long is given up; the base is not collected."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGVTALRM, give_up)
    gc.collect()
    gc.freeze()


def measurements(only: str, jobs: int) -> Iterator[Measured]:
    """All readers on all shapes; of those whose names have ``only`` in them. As they come."""
    pairs = [*product(READERS, SHAPES), *product((WHOLE,), FILES)]
    pairs = [pair for pair in pairs if only in " ".join(pair)]
    pairs.sort(key=lambda pair: not pair[0].startswith("YAML"))  # what takes longest comes first
    with ProcessPoolExecutor(jobs, get_context("spawn"), _prepare) as pool:
        yield from pool.map(measure, *zip(*pairs, strict=True))


def main() -> int:
    """Measure; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="readers and shapes with this in their names"
    )
    parser.add_argument("--failed", action="store_true", help="show only what does not hold")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="processes [default: 2]"
    )
    given = parser.parse_args()
    rows = []
    for one in measurements(given.only, given.jobs):
        rows.append(one)
        if not given.json and not (given.failed and one.holds):
            print(one.line(), flush=True)
    failed = sum(one.holds is False for one in rows)
    unsure = sum(one.holds is None for one in rows)
    if given.json:
        listed = [{**asdict(one), "holds": one.holds} for one in rows]
        print(json.dumps({"failed": failed, "unsure": unsure, "measured": listed}))
    else:
        print(f"{len(rows)} measured, {failed} too slow or broken, {unsure} too uncertain")
    if unsure and not failed:
        print("the machine is too noisy to say", file=sys.stderr)
    return 1 if failed else 3 if unsure else 0


if __name__ == "__main__":
    sys.exit(main())

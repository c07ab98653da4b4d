"""Lines of a log in order of time, however many: all but a bounded number of them lie in a temporary file."""

from __future__ import annotations

import heapq
import marshal
import tempfile
from collections.abc import Iterator
from typing import IO

from devenv.verbs.recordings.formats.log_values import LogLine

HELD = 50_000
"""Lines that are held and sorted in memory; then they are written as one run of sorted lines."""
_BLOCK = 500
"""Lines of one run that are read at once while the runs are merged."""


class SortedLines:
    """Takes lines in any order and gives them sorted. The temporary file ends with the object or process."""

    def __init__(self, held: int = HELD) -> None:
        self._most = held
        self._held: list[LogLine] = []
        self._file: IO[bytes] | None = None
        self._runs: list[list[tuple[int, int]]] = []
        """Of each run its blocks: where each begins in the file, and its length in bytes."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, line: LogLine) -> None:
        """Take one line."""
        self._held.append(line)
        self._count += 1
        if len(self._held) >= self._most:
            self._spill()

    def __iter__(self) -> Iterator[LogLine]:
        self._held.sort()
        return heapq.merge(*map(self._run, self._runs), self._held) if self._runs else iter(self._held)

    def close(self) -> None:
        """Give up file and lines."""
        self._held, self._runs = [], []
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._held.sort()
        blocks = []
        place = self._file.tell()
        for begin in range(0, len(self._held), _BLOCK):
            data = marshal.dumps([tuple(line) for line in self._held[begin : begin + _BLOCK]])
            self._file.write(data)
            blocks.append((place, len(data)))
            place += len(data)
        self._runs.append(blocks)
        self._held = []

    def _run(self, blocks: list[tuple[int, int]]) -> Iterator[LogLine]:
        assert self._file is not None
        for place, size in blocks:
            self._file.seek(place)
            lines = marshal.loads(self._file.read(size))  # noqa: S302 - this process has written them
            yield from map(LogLine._make, lines)

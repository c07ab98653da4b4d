"""The operations of a long history by challenge: all but a bounded number of them lie in a temporary file."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any
from zlib import crc32

from devenv.core.checker.history import CREATE, VERIFY, HistoryOperation, in_order
from devenv.core.model.vocabulary import Answer
from devenv.core.spec.captcha_session import Result, ResultKind

HELD = 100_000
"""Operations that are held in memory; then they are written."""
_PARTS = 64
"""A part holds the operations of one challenge in this many. One part at a time is held in memory."""


class Partition:
    """Takes operations in any order and gives those of each challenge together."""

    def __init__(self, held: int = HELD) -> None:
        self._most = held
        self._held: list[HistoryOperation] = []
        self._everywhere: list[HistoryOperation] = []
        self._file: IO[bytes] | None = None
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]
        """Of each part where its blocks begin in the file, and their lengths in bytes."""

    def add(self, operation: HistoryOperation) -> None:
        """Take one operation; one that names no challenge is one on each, unless it is a create or verify."""
        if operation.challenge is not None:
            self._held.append(operation)
            if len(self._held) >= self._most:
                self._spill()
        elif operation.f not in (CREATE, VERIFY):
            self._everywhere.append(operation)

    def groups(self) -> Iterator[tuple[str, Sequence[HistoryOperation]]]:
        """The challenges that were created or verified, with their operations in the order of their calls."""
        if self._file is None:
            yield from self._grouped(self._held)
            return
        self._spill()
        for blocks in self._blocks:
            yield from self._grouped([operation for block in blocks for operation in self._read(*block)])

    def close(self) -> None:
        """Give up the file."""
        if self._file is not None:
            self._file.close()

    def _grouped(self, part: list[HistoryOperation]) -> Iterator[tuple[str, Sequence[HistoryOperation]]]:
        groups: dict[str, list[HistoryOperation]] = {}
        for operation in part:
            groups.setdefault(operation.challenge or "", []).append(operation)
        for challenge, operations in groups.items():
            if any(operation.f in (CREATE, VERIFY) for operation in operations):
                yield challenge, in_order([*operations, *self._everywhere])

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        parts: list[list[Any]] = [[] for _ in range(_PARTS)]
        for operation in self._held:
            parts[crc32((operation.challenge or "").encode(errors="surrogatepass")) % _PARTS].append(
                _plain(operation)
            )
        self._held = []
        place = self._file.seek(0, 2)
        for blocks, part in zip(self._blocks, parts, strict=True):
            if part:
                data = marshal.dumps(part)
                self._file.write(data)
                blocks.append((place, len(data)))
                place += len(data)

    def _read(self, place: int, size: int) -> Iterator[HistoryOperation]:
        assert self._file is not None
        self._file.seek(place)
        return map(_operation, marshal.loads(self._file.read(size)))  # noqa: S302 - this process wrote it


_ANSWERS = {str(answer): answer for answer in Answer}
_KINDS = {str(kind): kind for kind in ResultKind}


def _plain(operation: HistoryOperation) -> tuple[Any, ...]:
    """An operation as plain values; ``_operation`` reads it back."""
    result, answer = operation.result, operation.answer
    return (
        operation.process, operation.f, operation.type, operation.challenge, operation.pod, operation.called,
        operation.returned, operation.value, operation.lines, None if answer is None else str(answer),
        None if result is None else (str(result.kind), result.attempts),
    )  # fmt: skip


def _operation(plain: tuple[Any, ...]) -> HistoryOperation:
    process, f, kind, challenge, pod, called, returned, value, lines, answer, result = plain
    return HistoryOperation(
        process, f, kind, challenge, pod, called, returned, value, lines,
        None if answer is None else _ANSWERS[answer],
        None if result is None else Result(_KINDS[result[0]], result[1]),
    )  # fmt: skip

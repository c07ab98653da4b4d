"""Log files of the embedded stack: one per part, read whole, by their end, or as they grow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

_POLL_SECONDS = 0.1
OWN_REMARK = "devenv: "


def since(path: Path, offset: int) -> str:
    """The text of ``path`` after ``offset`` bytes; "" where there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_words(text: str, lines: int) -> str:
    """The last lines that a program wrote, in ``lines`` lines at most, joined by " / ".

    Of a traceback only what follows its last indented line: the error. The guard's own remarks and uvicorn's
    INFO lines are left out where there is anything else.
    """
    written = [line.rstrip() for line in text.splitlines() if line.strip()]
    written = [line for line in written if not line.startswith(OWN_REMARK)]
    if any(line.startswith("Traceback (most recent call last)") for line in written):
        last_indented = max((i for i, line in enumerate(written) if line.startswith(" ")), default=-1)
        written = written[last_indented + 1 :] or written
    relevant = [line for line in written if not line.startswith("INFO:")]
    return " / ".join(line.strip() for line in (relevant or written)[-lines:])


def read(
    paths: dict[str, Path], *, tail: int | None, follow: bool, alive: Callable[[], bool] = lambda: True
) -> Iterator[str]:
    """Lines ``name | text`` of the files in ``paths``, each file's last ``tail`` or all of them.

    With ``follow`` go on as the files grow, until ``alive`` says no and nothing more comes.
    """
    width = max((len(name) for name in paths), default=0)
    offsets: dict[str, int] = {}
    for name, path in paths.items():
        lines, offsets[name] = _complete_lines(path, 0)
        for line in deque(lines, maxlen=tail):
            yield f"{name:<{width}} | {line}"
    while follow:
        going_on = alive()  # asked before reading, so that the last words are not lost
        quiet = True
        for name, path in paths.items():
            lines, offsets[name] = _complete_lines(path, offsets[name])
            for line in lines:
                quiet = False
                yield f"{name:<{width}} | {line}"
        if quiet and not going_on:
            return
        if quiet:
            time.sleep(_POLL_SECONDS)


def _complete_lines(path: Path, offset: int) -> tuple[list[str], int]:
    """The complete lines after ``offset``, and the offset behind them; all where the file shrank."""
    try:
        size = path.stat().st_size
        start = offset if size >= offset else 0
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except OSError:
        return [], 0
    end = data.rfind(b"\n") + 1
    return data[:end].decode("utf-8", "replace").splitlines(), start + end

"""The logs of a demo's stack: kept in the run folder, and asked for what they say of a failed request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import Run
from devenv.stack.logs import last_words
from devenv.stack.protocol import Stack
from devenv.stack.waiting import comes_true

LOGS = "logs.txt"
_CHATTER = "INFO:"
_PATIENCE_S = 3.0
"""A server answers 500 first and writes the traceback then."""


@contextmanager
def kept_logs(stack: Stack, run: Run) -> Iterator[None]:
    """Write the stack's logs into the run folder when the block ends, however it ends."""
    try:
        yield
    finally:
        with suppress(DevenvError, OSError):
            lines = stack.logs(None, tail=None, follow=False)
            run.write_text(LOGS, "".join(f"{line}\n" for line in lines))


class PodLog:
    """The log of one pod from its making on."""

    def __init__(self, stack: Stack, pod: str) -> None:
        self._stack = stack
        self._pod = pod
        self._seen = len(self._lines())

    def error(self) -> str | None:
        """The last thing that the pod has said since; None where it says nothing but its access log."""
        comes_true(lambda: self._last_error() is not None, _PATIENCE_S)
        return self._last_error()

    def _last_error(self) -> str | None:
        text = "\n".join(line.partition("| ")[2] for line in self._lines()[self._seen :])
        last_line = last_words(text, 1)
        return last_line if last_line and not last_line.startswith(_CHATTER) else None

    def _lines(self) -> list[str]:
        return list(self._stack.logs(self._pod, tail=None, follow=False))

"""Reporters of an exploration: its progress in lines for people, and its results for machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from devenv.core.search.reporter import SearchReporter
from devenv.stack.protocol import Progress

EVERY_SECONDS = 0.5
"""At least so long between two lines about how far the search is."""


class ProgressReporter(SearchReporter):
    """Gives ``progress`` a line for each moment. ``clock`` counts seconds."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock = clock
        self._began: float | None = None
        self._last = 0.0

    def learning(self, requests: int, states: int) -> None:
        """As it is."""
        self._progress(f"learning: {requests} requests, {states} states")

    def searching(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """At most every ``EVERY_SECONDS``, with the traces per second since the first time."""
        now = self._clock()
        if self._began is None:
            self._began = now
        elif now - self._last < EVERY_SECONDS:
            return
        self._last = now
        rate = traces / max(now - self._began, 1e-9) if now > self._began else 0.0
        counts = (
            ", ".join(kind if count is None else f"{kind} {count}" for kind, count in kinds.items()) or "none"
        )
        speed = f", {rate:.0f}/s" if rate else ""
        self._progress(f"{traces} traces{speed}, violations: {counts}")

    def interrupted(self) -> None:
        """With what another Ctrl-C does."""
        self._progress("interrupted: the search ends here (Ctrl-C again: what follows it, too)")

    def shrinking(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """As it is."""
        self._progress(f"{traces} traces; looking for the shortest order of each kind")

    def confirming(self, kind: str) -> None:
        """As it is."""
        self._progress(f"confirming {kind} on real pods")


class JsonReporter(SearchReporter):
    """Keeps the results of all explorations, as ``--json`` prints them."""

    def __init__(self) -> None:
        self._results: list[Mapping[str, Any]] = []

    def ended(self, result: Mapping[str, Any]) -> None:
        """Keep it."""
        self._results.append(result)

    def result(self, compared: bool) -> Mapping[str, Any]:
        """The one result; where several stores are ``compared``, all of them, whatever their number."""
        if compared:
            return {"compared": list(self._results)}
        [only] = self._results
        return only

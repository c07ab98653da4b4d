"""The named moments of a search. A reporter overrides those that it wants; by default each does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SearchReporter:
    """Is called as an exploration goes on, in this order. Nothing that it does changes the search."""

    def learning(self, requests: int, states: int) -> None:
        """This many requests were sent to pods, and this many states are known; now and then."""

    def searching(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """This many traces were run; in how many of them each kind of violation was met. Now and then."""

    def interrupted(self) -> None:
        """Ctrl-C ended the search; what was met until then is worked on."""

    def shrinking(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """The search has ended with violations; the shortest order of each kind is looked for."""

    def confirming(self, kind: str) -> None:
        """The shortest order of a kind is about to run on real pods."""

    def confirmed(self, kind: str, reason: str | None) -> None:
        """It ran; None: the violation was there. Else the reason why it is not confirmed."""

    def ended(self, result: Mapping[str, Any]) -> None:
        """The exploration has ended; ``result`` is what ``--json`` gives of it."""


class Reporters(SearchReporter):
    """Several reporters; each gets every moment."""

    def __init__(self, *reporters: SearchReporter) -> None:
        self._reporters = reporters

    def learning(self, requests: int, states: int) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.learning(requests, states)

    def searching(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.searching(traces, kinds)

    def interrupted(self) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.interrupted()

    def shrinking(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.shrinking(traces, kinds)

    def confirming(self, kind: str) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.confirming(kind)

    def confirmed(self, kind: str, reason: str | None) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.confirmed(kind, reason)

    def ended(self, result: Mapping[str, Any]) -> None:
        """See ``SearchReporter``."""
        for reporter in self._reporters:
            reporter.ended(result)

"""The process of one job (see ``devenv.dashboard.jobs``): a line of JSON in, JSON lines out.

Out come ``{"progress": text}``, ``{"moment": name, …}`` for each moment of a search (``SearchReporter``), and
at the end ``{"result": …}`` or ``{"error": DevenvError}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.schedule import VERSION, Schedule
from devenv.core.model.vocabulary import Strategy
from devenv.core.search.reporter import SearchReporter
from devenv.core.simulation.run import Effort
from devenv.harness.config.settings import Settings
from devenv.verbs.explore.result import ExploreOptions
from devenv.verbs.explore.usecase import explore
from devenv.verbs.operate.select import running_stack
from devenv.verbs.replay.branch import branch
from devenv.verbs.replay.by_hand import HandOver
from devenv.verbs.replay.usecase import Replayed, replay_word
from devenv.verbs.simulate.clusters import Cell, play
from devenv.verbs.simulate.fields import FIELDS, setting_of
from devenv.verbs.simulate.sweep import axis_of, cells

SESSIONS = 20_000
"""Of each setting of a simulation: an interval of about one point to each side."""
EVERY_SECONDS = 0.2
"""At least so long between two reports of how far a search is."""


def say(**report: Any) -> None:
    """Write one report."""
    sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class SayingReporter(SearchReporter):
    """Says every moment of a search."""

    def __init__(self) -> None:
        self._last = 0.0

    def learning(self, requests: int, states: int) -> None:
        """As it is."""
        say(moment="learning", requests=requests, states=states)

    def searching(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """At most every ``EVERY_SECONDS``."""
        if time.monotonic() - self._last >= EVERY_SECONDS:
            self._last = time.monotonic()
            say(moment="searching", traces=traces, kinds=dict(kinds))

    def interrupted(self) -> None:
        """As it is."""
        say(moment="interrupted")

    def shrinking(self, traces: int, kinds: Mapping[str, int | None]) -> None:
        """As it is."""
        say(moment="shrinking", traces=traces, kinds=dict(kinds))

    def confirming(self, kind: str) -> None:
        """As it is."""
        say(moment="confirming", kind=kind)

    def confirmed(self, kind: str, reason: str | None) -> None:
        """As it is."""
        say(moment="confirmed", kind=kind, reason=reason)


def simulate(sweep: str, fields: Mapping[str, str], seed: int) -> Mapping[str, Any]:
    """Predict the share of lost sessions for every value of ``sweep`` (``pods=1..12``), with ``fields``.

    Raises UsageProblem for a field or a value that cannot be.
    """
    if unknown := [name for name in fields if name not in FIELDS]:
        raise UsageProblem(f"{unknown[0]!r} is no field of a simulation", hint="fields: " + ", ".join(FIELDS))
    axes = [axis_of(sweep)]
    combined = [Cell(texts, None, seed, Effort(SESSIONS)) for texts in cells(axes, dict(fields))]
    for cell in combined:
        setting_of(cell.texts)  # a bad value is reported before anything is played
    done: list[dict[str, Any]] = []
    for cell in combined:
        prediction = play(cell)
        done.append({"value": cell.texts[axes[0].field], "share_lost": prediction.share.to_json()})
        say(moment="simulated", settings=len(done), of=len(combined))
    return {"field": axes[0].field, "sweep": done, "seed": seed, "sessions": SESSIONS}


def work(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Do what is asked; gives the result as ``--json`` of the verb prints it."""
    if asked["verb"] == "simulate":
        return simulate(str(asked["target"]), asked.get("fields") or {}, int(asked["seed"]))
    state_dir = Path(str(asked["state_dir"]))
    spec = running_stack("embedded", state_dir).status().spec
    settings = Settings(backend="embedded", state_dir=state_dir, seed=spec.seed, service=spec.service)
    strategy = Strategy(asked["strategy"]) if asked.get("strategy") else None

    def progress(line: str) -> None:
        say(progress=line)

    if asked["verb"] == "explore":
        options = ExploreOptions(
            str(asked["target"]), strategy or Strategy.GUIDE, budget_seconds=asked.get("budget_seconds")
        )
        return explore(options, settings, progress, SayingReporter()).to_json()
    schedule = asked.get("schedule")
    if asked["verb"] == "branch":

        def stands(held: Mapping[str, int], order: Schedule) -> None:
            say(moment="by hand", held=dict(held), schedule=str(order))

        branched = branch(
            str(asked["target"]),
            str(schedule or VERSION),
            HandOver(int(asked["until"]), stands),
            settings,
            strategy=strategy,
            progress=progress,
        )
        return _replayed(branched)
    done = replay_word(
        str(asked["target"]),
        settings,
        strategy=strategy,
        repeat=None,
        schedule=str(schedule) if schedule else None,
        progress=progress,
    )
    return _replayed(done)


def _replayed(done: Replayed) -> Mapping[str, Any]:
    return {**done.result.to_json(), "explanation": done.explanation.to_json()}


def main() -> int:
    """Do the one job; gives the exit code."""
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_interrupt_at_the_end_of_input, daemon=True).start()
    try:
        say(result=work(json.loads(line)))
    except DevenvError as error:
        say(error=error.to_json())
        return error.exit_code
    except KeyboardInterrupt:
        say(error={"detail": "stopped", "hint": None, "exit_code": 3})
        return 3
    return 0


def _interrupt_at_the_end_of_input() -> None:
    """As Ctrl-C, when standard input ends. os.read: a thread inside its buffer would hold the end up."""
    while os.read(0, 4096):
        pass
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())

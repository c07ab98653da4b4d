"""Plays every scenario with every store and keeps what users got, as plain data for the page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.sequence import SequenceMessage, shorten
from devenv.core.scenario import Create, Scenario, Together, Verify, catalogue
from devenv.harness.runs.folders import Run, open_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.protocol import Progress
from devenv.verbs.explain.explanation import Explanation
from devenv.verbs.explain.source import explain_run
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.baseline import required_spec
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.replayer import Replayer

MOST_MESSAGES = 26
"""Of a picture: more is no picture any more."""
AT_ONCE_S = 0.3
"""An answer that took less is one at once; others are rounded to half seconds."""

Data = dict[str, Any]


def play_all(folder: Path, progress: Progress) -> Data:
    """Everything that the page needs: by scenario and store the answers, the orders, and one picture.

    Runs are kept in ``folder``; takes some minutes.
    """
    data: Data = {"redis_py": redis.__version__, "scenarios": {}}
    every = [(scenario, store) for scenario in catalogue() for store in scenario.strategies]
    for workers, redis_mode in sorted({stack_kind(*run) for run in every}):
        some = [run for run in every if stack_kind(*run) == (workers, redis_mode)]
        some.sort(key=lambda run: (str(required_spec(*run).to_json()), run[0].id))
        pods = max(scenario.stack.pods for scenario, _ in some)
        stack = EmbeddedStack(folder / f"{pods}x{workers}-{redis_mode}", SUPERVISOR)
        spec = StackSpec(pods=pods, workers=workers, redis_mode=redis_mode, ports=Ports.free())
        try:
            status = stack.start(spec, progress)
            data["engine"] = f"{status.redis_engine} {status.redis_version}"
            with Replayer(stack, progress=progress) as replayer:
                for scenario, store in some:
                    run = open_run(folder, f"{scenario.id}-{store}", time.time())
                    _keep(data["scenarios"], replayer, scenario, store, run)
        finally:
            stack.stop()
    return data


def stack_kind(scenario: Scenario, store: Strategy) -> tuple[int, RedisMode]:
    """What scenarios that share a stack must have alike: worker processes, and how Redis stands."""
    return scenario.stack.workers, required_spec(scenario, store).redis_mode


def _keep(data: Data, replayer: Replayer, scenario: Scenario, store: Strategy, run: Run) -> None:
    result = replayer.run(scenario, store, run=run)
    one: Data = {
        "verdict": result.verdict,
        "schedules": list(result.schedules),
        "answers": answers(scenario, result.plays[0]),
    }
    if store is shown_store(scenario):
        one["picture"] = [_plain(message) for message in _picture(scenario, explain_run(run))]
    data.setdefault(scenario.id, {})[str(store)] = one


def shown_store(scenario: Scenario) -> Strategy:
    """The store whose picture shows the scenario: the first with the bug, else the last."""
    buggy = [store for store in scenario.strategies if scenario.stores[store].bug]
    return buggy[0] if buggy else scenario.strategies[-1]


def answers(scenario: Scenario, play: Sequence[Observed]) -> list[Data]:
    """What each request of a play got: ``step``, ``request`` (its name, where it has one), ``got``, ``took``.

    ``took`` is rounded coarsely, in seconds.
    """
    answered: list[Data] = []
    for step, one in zip(scenario.steps, play, strict=False):
        if isinstance(step, Create | Verify):
            answered.append({"step": one.number, "request": None, "got": _got(one.shown), "took": _took(one)})
        elif isinstance(step, Together) and step.names and isinstance(one.shown.get("requests"), Mapping):
            for name, shown in one.shown["requests"].items():
                answered.append({"step": one.number, "request": name, "got": _got(shown), "took": 0.0})
        elif isinstance(step, Together):
            counted = ", ".join(
                f"{n} × {name.replace('_', ' ')}" for name, n in one.shown["outcomes"].items()
            )
            answered.append({"step": one.number, "request": None, "got": counted, "took": _took(one)})
    return answered


def _got(shown: Mapping[str, Any]) -> str:
    if "skipped" in shown:
        return "no challenge"
    if shown.get("status") != 200:
        return "no answer" if shown.get("status") is None else f"HTTP {shown['status']}"
    match shown.get("outcome"):
        case None:
            return "created"
        case "not_found":
            return "not found"
        case "error":
            return f"“{shown['message']}”"
    attempts = shown.get("attempts")
    return f"{shown['outcome']}, " + (f"attempt {attempts}" if attempts else "not counted")


def _took(one: Observed) -> float:
    return 0.0 if one.seconds < AT_ONCE_S else max(0.5, round(one.seconds * 2) / 2)


def _picture(scenario: Scenario, explained: Explanation) -> list[SequenceMessage]:
    """That of the scenario's own cause where the trace tells it, else the whole; without ids and times."""
    pictures = [
        group.picture for group in explained.groups if group.cause == scenario.cause and group.picture
    ]
    messages = shorten(pictures[0] if pictures else explained.messages, MOST_MESSAGES)
    names: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"#{len(names) + 1}")

    return [
        replace(message, time=float(index), label=_WAIT.sub("", _ID.sub(named, message.label)))
        for index, message in enumerate(messages)
    ]


_ID = re.compile(r"\b[0-9a-f]{6}\b")
"""The beginning of a challenge's id, as pictures show it."""
_WAIT = re.compile(r"(?<=⏸) \d+(\.\d+)? s")


def _plain(message: SequenceMessage) -> list[Any]:
    return [message.source, message.target, message.label, message.kind, list(message.via)]


def data_text(data: Mapping[str, Any]) -> str:
    """The data as JSON with one line for each scenario and store."""
    lines = ["{"]
    for name, value in data.items():
        if name != "scenarios":
            lines.append(f" {json.dumps(name)}: {json.dumps(value)},")
    lines.append(' "scenarios": {')
    for name, stores in sorted(data["scenarios"].items()):
        each = [
            f"   {json.dumps(s)}: {json.dumps(item, ensure_ascii=False)}"
            for s, item in sorted(stores.items())
        ]
        lines += [f"  {json.dumps(name)}: {{", ",\n".join(each), "  },"]
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([*lines, " }", "}", ""])

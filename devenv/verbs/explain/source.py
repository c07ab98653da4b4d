"""Where the trace to explain comes from: a run, a file, or the stack that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError, Inconclusive, UsageProblem
from devenv.core.model.events import TraceEvent
from devenv.harness.runs.folders import LATEST, RESULTS, TRACE, Run, list_runs, resolve_run
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import live_trace, read_numbered
from devenv.verbs.explain.explanation import Explanation, explain_trace, place, with_violations

DEFAULT_SINCE_S = 60.0
REPLAY, EXPLORE = "replay", "explore"


def explain_word(
    word: str | None,
    state_dir: Path,
    stack: Callable[[], JournaledStack],
    *,
    since: float | None,
    started: float,
    now: float,
) -> tuple[Explanation, Run | None]:
    """Explain what ``word`` names: a run (id, its beginning, latest) or a trace.jsonl; gives its run too.

    None: of the stack that ``stack`` finds, the last ``since`` seconds before the command began (``started``)
    and what came until ``now`` (DevenvError where none runs); where none runs and no ``since`` was asked for,
    the latest run. Times in seconds since the epoch. Raises UsageProblem where there is no such
    thing or the trace is broken, Inconclusive where it has no captcha request.
    """
    if word is not None:
        return _named(word, state_dir)
    try:
        running = stack()
        status = running.status()
    except DevenvError:
        if since is not None or not list_runs(state_dir):
            raise
        return _named(LATEST, state_dir)
    seconds = DEFAULT_SINCE_S if since is None else since
    events = live_trace(status, running.journal, now)
    of = f"the last {seconds:g} s of the running stack"
    explained = explain_trace(events, of, since=started - seconds)
    return _with_calls(explained, "--since SECONDS looks further back, RUN at a run"), None


def explain_run(run: Run) -> Explanation:
    """Explain a run's trace.jsonl; UsageProblem where it has none or a broken one."""
    path = run.folder / TRACE
    if not path.is_file():
        raise UsageProblem(f"run {run.id} has no {TRACE}", hint="replay and demo record one")
    explanation = with_violations(explain_file(path, f"run {run.id}", run.id), _violations(run))
    if explanation.wrong:
        return explanation
    judged = explanation.judged or _results(run, REPLAY).get("verdict") == "holds"
    return replace(explanation, unexplained=_failed_replay(run) or _explored(run), judged=judged)


def _violations(run: Run) -> list[tuple[str, str]]:
    """The kinds and sentences of what a run's replay or exploration says was violated; else none."""
    items = _results(run, REPLAY, EXPLORE).get("violations") or ()
    return [
        (str(item.get("kind")), str(item.get("sentence", ""))) for item in items if isinstance(item, dict)
    ]


def _results(run: Run, *kinds: str) -> Mapping[str, Any]:
    """The results of a run that is one of these kinds; else nothing."""
    results = run.read_json(RESULTS) if (run.folder / RESULTS).is_file() else {}
    return results if results.get("kind") in kinds else {}


def _failed_replay(run: Run) -> str:
    """What a run's replay says did not hold, in one sentence; "" where it holds, or is no replay."""
    results = _results(run, REPLAY)
    if results.get("verdict") != "fails":
        return ""
    sentences = [
        str(item["told"])
        for name in ("deviations", "violations")
        for item in results.get(name) or ()
        if isinstance(item, dict) and "told" in item
    ]
    return sentences[0] if sentences else "a check of the scenario"


def _explored(run: Run) -> str:
    """What a run's exploration found, in one sentence; "" where it found nothing, or is none."""
    violations = _results(run, EXPLORE).get("violations") or ()
    kinds = [
        str(item.get("kind")) + ("" if item.get("confirmed") else " (not confirmed)")
        for item in violations
        if isinstance(item, dict)
    ]
    return f"these orders violate: {', '.join(kinds)}" if kinds else ""


def explain_file(path: Path, of: str, run: str | None = None) -> Explanation:
    """Explain a trace.jsonl; UsageProblem names the line that is no event."""
    numbered = read_numbered(path)
    lines = {place(event): number for number, event in numbered}
    return explain_trace([event for _number, event in numbered], of, run, lines)


def explain_written(events: Sequence[TraceEvent], run: Run) -> Explanation:
    """Explain a run by the events of the trace.jsonl that was just written: each is a line, in order."""
    lines = {place(event): number for number, event in enumerate(events, start=1)}
    return explain_trace(events, f"run {run.id}", run.id, lines)


def _named(word: str, state_dir: Path) -> tuple[Explanation, Run | None]:
    path = Path(word)
    if path.is_file():
        explanation = explain_file(path, str(path))
        return _with_calls(explanation, "a trace has the exchanges of a captcha-api"), None
    if path.is_dir() and (path / TRACE).is_file():
        run = Run(path)
    elif path.suffix == ".jsonl":
        raise UsageProblem(f"no trace file {word}")
    else:
        run = resolve_run(state_dir, word)
    return _with_calls(explain_run(run), "replay a scenario, or send requests through the proxy"), run


def _with_calls(explanation: Explanation, hint: str) -> Explanation:
    if not explanation.calls and not explanation.wrong:
        raise Inconclusive(f"{explanation.of}: no captcha request in it, so nothing to explain", hint=hint)
    return explanation

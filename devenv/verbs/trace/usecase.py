"""``devenv trace --otlp``: a run, a trace file or the running stack as OpenTelemetry spans."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.events import TraceEvent
from devenv.core.telemetry.otlp import otlp
from devenv.harness.runs.folders import TRACE, resolve_run
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import live_trace, read_numbered
from devenv.stack.files import write_atomically

TRACES_PATH = "/v1/traces"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written or sent."""

    source: str
    """The run, the file, or the running stack."""
    target: str
    """The file or the URL."""
    spans: int

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {"source": self.source, "target": self.target, "spans": self.spans}


def export_trace(
    word: str | None, target: str, state_dir: Path, stack: Callable[[], JournaledStack], now: float
) -> Exported:
    """Write the spans of ``word`` (a run, a trace.jsonl; None: the running stack) to a file or a collector.

    ``target`` is a file, or the URL of a collector that speaks OTLP over HTTP. Raises UsageProblem for a
    source that there is not, Inconclusive where it has no event, EnvironmentProblem where the collector does
    not take the spans.
    """
    events, source = _events(word, state_dir, stack, now)
    data = otlp(events, source)
    count = sum(len(scope["spans"]) for item in data["resourceSpans"] for scope in item["scopeSpans"])
    if not count:
        raise Inconclusive(f"{source}: no request and no Redis command in it, so there are no spans")
    if target.startswith(("http://", "https://")):
        return Exported(source, _send(data, target), count)
    write_atomically(Path(target), json.dumps(data, ensure_ascii=False, indent=1) + "\n", "--otlp")
    return Exported(source, target, count)


def _events(
    word: str | None, state_dir: Path, stack: Callable[[], JournaledStack], now: float
) -> tuple[Sequence[TraceEvent], str]:
    if word is None:
        running = stack()
        return live_trace(running.status(), running.journal, now), "the running stack"
    path = Path(word)
    if path.is_dir() and (path / TRACE).is_file():
        path = path / TRACE
    elif not path.is_file():
        if path.suffix == ".jsonl":
            raise UsageProblem(f"no trace file {word}")
        run = resolve_run(state_dir, word)
        path, word = run.folder / TRACE, run.id
        if not path.is_file():
            raise UsageProblem(f"run {run.id} has no {TRACE}", hint="replay and demo record one")
    return [event for _, event in read_numbered(path)], word


def _send(data: dict[str, Any], target: str) -> str:
    """POST to the collector; the URL that was used. A base URL gets /v1/traces."""
    url = target if target.rstrip("/").endswith(TRACES_PATH) else target.rstrip("/") + TRACES_PATH
    try:
        answer = httpx.post(url, json=data, timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EnvironmentProblem(
            f"no collector answers at {url}: {error or type(error).__name__}",
            hint="an OpenTelemetry collector listens for OTLP over HTTP on port 4318",
        ) from error
    if answer.status_code != 200:
        raise EnvironmentProblem(f"{url} refuses the spans: HTTP {answer.status_code}: {answer.text[:200]}")
    rejected = _rejected(answer)
    if rejected:
        raise EnvironmentProblem(f"{url} has rejected spans: {rejected}")
    return url


def _rejected(answer: httpx.Response) -> str:
    """What the collector says it did not take; empty: nothing."""
    try:
        partial = answer.json().get("partialSuccess") or {}
    except (ValueError, AttributeError):
        return ""
    count = int(partial.get("rejectedSpans") or 0)
    return f"{count}: {partial.get('errorMessage', '')}" if count else ""

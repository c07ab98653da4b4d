"""What was recorded and what can be played: runs of the state directory, and the catalogue of scenarios."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from devenv.core.model.errors import UsageProblem
from devenv.core.scenario import Scenario, catalogue
from devenv.dashboard.pages import HEADERS
from devenv.dashboard.scenario_preview import sketch
from devenv.dashboard.surroundings import Surroundings
from devenv.harness.runs.folders import REPORT, RESULTS, SCHEDULE, TRACE, Run, list_runs, resolve_run
from devenv.harness.runs.trace import read_numbered

MOST_RUNS = 200
MOST_EVENTS = 20_000
"""Of one run's trace; a longer one is cut, and says so."""
SANDBOX = "sandbox allow-scripts allow-popups"
"""Beside the policy that the report itself has: its script runs in an origin that nothing else has."""


def state_folder(surroundings: Surroundings) -> Path:
    """Where runs are kept; UsageProblem where there is no such place."""
    if surroundings.state_dir is None:
        raise UsageProblem(
            "the stack of Docker Compose keeps no runs in its container",
            hint="open a trace.jsonl of .devenv/runs here, or: devenv explain RUN-ID",
        )
    return surroundings.state_dir


def router(surroundings: Surroundings) -> APIRouter:
    """``/dashboard/runs`` and ``/dashboard/scenarios``."""
    routes = APIRouter(prefix="/dashboard", tags=["dashboard"])

    @routes.get("/runs")
    def runs() -> dict[str, Any]:
        """The latest runs, the newest first."""
        if surroundings.state_dir is None:
            return {"runs": []}
        recent = list_runs(surroundings.state_dir)[-MOST_RUNS:]
        return {"runs": [_summary(run) for run in reversed(recent)]}

    @routes.get("/runs/{run_id}")
    def run_of(run_id: str) -> dict[str, Any]:
        """One run: its results, its trace, its schedules."""
        run = resolve_run(state_folder(surroundings), run_id)
        trace = run.folder / TRACE
        events = [event.to_json() for _, event in read_numbered(trace)] if trace.is_file() else []
        schedule = run.folder / SCHEDULE
        return {
            **_summary(run),
            "results": _results(run),
            "events": events[:MOST_EVENTS],
            "left_out": max(0, len(events) - MOST_EVENTS),
            "schedule": schedule.read_text(encoding="utf-8") if schedule.is_file() else "",
        }

    @routes.get(
        "/runs/{run_id}/report",
        response_class=Response,
        responses={404: {"description": "The run has no report."}},
    )
    def report_of(run_id: str) -> Response:
        """The run's report.html, in an origin of its own: its script cannot use this API."""
        report = resolve_run(state_folder(surroundings), run_id).folder / REPORT
        if not report.is_file():
            raise HTTPException(404, f"run {run_id} has no {REPORT}")
        headers = {**HEADERS, "Content-Security-Policy": SANDBOX, "Cache-Control": "no-store"}
        return Response(report.read_bytes(), media_type="text/html", headers=headers)

    @routes.get("/scenarios")
    def scenarios() -> dict[str, Any]:
        """The catalogue: each scenario's title, what it is about, and what each store does with it."""
        return {"scenarios": [_scenario(scenario) for scenario in catalogue()]}

    return routes


def _summary(run: Run) -> dict[str, Any]:
    results = _results(run)
    kind = results.get("kind") or run.id.partition("-")[2].partition("-")[0]
    return {
        "id": run.id,
        "kind": kind,
        "title": results.get("title") or _searched(results) or run.id.partition("-")[2],
        "verdict": results.get("verdict"),
        "holds": _holds(results),
        "store": results.get("store"),
        "trace": (run.folder / TRACE).is_file(),
        "report": (run.folder / REPORT).is_file(),
    }


def _searched(results: dict[str, Any]) -> str:
    """What an exploration searched: its expression and its store; "" of any other run."""
    searched = isinstance(results.get("violations"), list) and "traces" in results
    return f"{results.get('scenario')} ({results.get('strategy')})" if searched else ""


def _holds(results: dict[str, Any]) -> bool | None:
    """Whether the run holds what it is measured against; None where that is not known."""
    if _searched(results):
        return False if results["violations"] else (True if results.get("complete") else None)
    return {"holds": True, "fails": False}.get(str(results.get("verdict")))


def _results(run: Run) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        data = json.loads((run.folder / RESULTS).read_text(encoding="utf-8"))
        if isinstance(data, dict):
            return data
    return {}


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "id": scenario.id,
        "title": scenario.title,
        "cause": scenario.cause,
        "about": scenario.about,
        "needs": list(scenario.needs),
        "source": scenario.source,
        "sketch": sketch(scenario),
        "pods": scenario.stack.pods,
        "stores": {
            str(strategy): {"bug": note.bug, "shows": note.shows, "not_applicable": note.not_applicable}
            for strategy, note in scenario.stores.items()
        },
    }

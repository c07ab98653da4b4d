"""What an explanation leaves in a run's folder: the picture as Mermaid, and a report."""

from __future__ import annotations

from pathlib import Path

from devenv.core.render.html import render
from devenv.core.render.sequence import draw_mermaid
from devenv.harness.runs.folders import REPORT, Run
from devenv.stack.files import write_atomically
from devenv.verbs.explain.explanation import Explanation
from devenv.verbs.explain.report import document

SEQUENCE = "sequence.mmd"


def keep(explanation: Explanation, run: Run, *, replace: bool = False) -> None:
    """Write picture and report into a run's folder; those that are there stay, unless ``replace``."""
    for name, text in ((SEQUENCE, mermaid(explanation)), (REPORT, _html(explanation))):
        if replace or not (run.folder / name).exists():
            run.write_text(name, text)


def mermaid(explanation: Explanation) -> str:
    """The picture of what went wrong first, else of all, as a Mermaid diagram."""
    return draw_mermaid(explanation.groups[0].picture if explanation.groups else explanation.messages)


def write_report(explanation: Explanation, path: Path) -> None:
    """Write the report to ``path``. Raises UsageProblem (wrong name), EnvironmentProblem (full disk)."""
    write_atomically(path, _html(explanation), "--report")


def _html(explanation: Explanation) -> str:
    command = f"devenv explain {explanation.run}" if explanation.run else "devenv explain"
    return render(document(explanation, f"What happened in {explanation.of}", command))

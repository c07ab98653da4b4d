"""What an explanation leaves in a run's folder: the picture as Mermaid, and a report."""

from __future__ import annotations

from pathlib import Path

from devenv.core.render.html import render
from devenv.core.render.sequence import draw_mermaid
from devenv.harness.runs.folders import Run
from devenv.stack.files import write_atomically
from devenv.verbs.explain.explanation import Explanation
from devenv.verbs.explain.report import document

SEQUENCE = "sequence.mmd"
REPORT = "report.html"


def keep(found: Explanation, run: Run, *, replace: bool = False) -> None:
    """Write picture and report into a run's folder; those that are there stay, unless ``replace``."""
    for name, text in ((SEQUENCE, mermaid(found)), (REPORT, _html(found))):
        if replace or not (run.folder / name).exists():
            run.write_text(name, text)


def mermaid(found: Explanation) -> str:
    """The picture of what went wrong first, else of all, as a Mermaid diagram."""
    return draw_mermaid(found.groups[0].picture if found.groups else found.messages)


def write_report(found: Explanation, path: Path) -> None:
    """Write the report to ``path``. Raises UsageProblem (wrong name), EnvironmentProblem (full disk)."""
    write_atomically(path, _html(found), "--report")


def _html(found: Explanation) -> str:
    command = f"devenv explain {found.run}" if found.run else "devenv explain"
    return render(document(found, f"What happened in {found.of}", command))

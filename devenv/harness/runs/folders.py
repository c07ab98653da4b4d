"""Run folders: ``.devenv/runs/<time>-<name>/`` with ``latest`` beside them, and what is recorded into one.

Every file is written whole under another name and then renamed, so a reader never meets half a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.reading import read_json
from devenv.core.render.visible import json_text
from devenv.stack.files import private_folder, state_folder, write_atomically, writing

HISTORY = "history.jsonl"
TRACE = "trace.jsonl"
RESULTS = "results.json"
SCHEDULE = "schedule.txt"
REPORT = "report.html"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder."""

    folder: Path

    @property
    def id(self) -> str:
        """The folder's name: ``<time>-<name>``."""
        return self.folder.name

    def write_text(self, name: str, text: str) -> Path:
        """Write one file of the run whole; gives its path."""
        path = self.folder / name
        write_atomically(path, text)
        return path

    def write_json(self, name: str, data: Mapping[str, Any]) -> Path:
        """Write one JSON object, indented."""
        return self.write_text(name, json_text(data, indent=2) + "\n")

    def write_lines(self, name: str, objects: Iterable[Mapping[str, Any]]) -> Path:
        """Write JSON lines, one object each."""
        return self.write_text(name, json_lines(objects))

    def discard_empty(self) -> None:
        """Take the folder away where nothing was written; ``latest`` is the run before it then."""
        try:
            self.folder.rmdir()
        except OSError:
            return
        runs = self.folder.parent
        if _latest(runs) == self.id:
            left = list_runs(runs.parent)
            if left:
                _point_latest(runs, left[-1].id)
            else:
                (runs / LATEST).unlink(missing_ok=True)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one JSON object back; UsageProblem where it is missing or broken."""
        path = self.folder / name
        try:
            data = read_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageProblem(f"run {self.id} has no readable {name}: {error}") from error
        if not isinstance(data, dict):
            raise UsageProblem(f"run {self.id}: {name} is not a JSON object")
        return data


def json_lines(objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects as JSON lines, each line ended."""
    return "".join(json_text(item) + "\n" for item in objects)


def open_run(state_dir: Path, name: str, now: float) -> Run:
    """Make the folder of a new run and let ``latest`` name it.

    ``now`` is seconds since the epoch; the folder carries it in UTC. A second run of the same name and second
    gets ``-2`` and so on.
    """
    runs = private_folder(state_folder(state_dir) / "runs")
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    base = f"{moment}-{slug}"
    count = 1
    while True:
        folder = runs / (base if count == 1 else f"{base}-{count}")
        try:
            with writing(folder):
                folder.mkdir()
            break
        except EnvironmentProblem as problem:
            if not isinstance(problem.__cause__, FileExistsError):
                raise
            count += 1
    _point_latest(runs, folder.name)
    return Run(folder)


def list_runs(state_dir: Path) -> list[Run]:
    """All runs, oldest first."""
    runs = state_dir / "runs"
    if not runs.is_dir():
        return []
    return [Run(path) for path in sorted(runs.iterdir()) if path.is_dir() and not path.is_symlink()]


def resolve_run(state_dir: Path, word: str) -> Run:
    """The run that ``word`` names: ``latest``, an id, or the unambiguous beginning of one.

    Raises UsageProblem where there is none or more than one.
    """
    runs = list_runs(state_dir)
    ids = [run.id for run in runs]
    if word == LATEST:
        latest = _latest(state_dir / "runs")
        matches = [run for run in runs if run.id == latest]
    elif word in ids:
        matches = [runs[ids.index(word)]]
    else:
        matches = [run for run in runs if word and run.id.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageProblem(
            f"{word!r} is the beginning of {len(matches)} runs: {', '.join(m.id for m in matches)}"
        )
    known = f"known: {', '.join(ids[-5:])}" if ids else "no run is recorded yet"
    hint = f"`{LATEST}` is the last of them" if ids else "`devenv demo` and `devenv replay NAME` record one"
    raise UsageProblem(f"no run {word!r} in {state_dir / 'runs'}; {known}", hint=hint)


def _point_latest(runs: Path, name: str) -> None:
    """A symlink where the system lets us make one (Windows needs a privilege), else a file with the name."""
    link = runs / LATEST
    temporary = runs / f".{LATEST}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(name, target_is_directory=True)
        temporary.replace(link)
    except (OSError, NotImplementedError):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        write_atomically(link, name + "\n")


def _latest(runs: Path) -> str | None:
    link = runs / LATEST
    if link.is_symlink():
        return link.readlink().name
    try:
        return link.read_text(encoding="utf-8").strip()
    except OSError:
        return None

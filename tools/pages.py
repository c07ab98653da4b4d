"""What the tools that write a page of docs/ share: the command line, the data beside the page, the page."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devenv.stack.files import write_atomically
from tools.endings import ended


@dataclass(frozen=True)
class Measurement:
    """What a tool needs to measure a page's data."""

    folder: Path
    """A temporary folder."""
    before: dict[str, Any]
    """The data of the last measurement; empty without one."""
    only: str
    """Measure what has this text in its title, and keep the rest of ``before``. Empty: everything."""
    keep: Callable[[Any], None]
    """Writes data into the page's data file: what a long measurement has so far."""


def progress(line: str) -> None:
    """Print a line about the measurement on stderr."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def indented_json(data: Any) -> str:
    """Data as indented JSON with sorted keys."""
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@dataclass(frozen=True)
class PageTool:
    """A page of docs/, the data that it is made of, and how they are made."""

    name: str
    """``failures``: the page is failures.md, its data failures.json, the tool ``tools.failures_page``."""
    measure: Callable[[Measurement], Any]
    """Gives the page's data."""
    render: Callable[[Any], str]
    """Gives the page's text from its data."""
    duration: str
    """How long ``measure`` takes, for ``--help``."""
    selects: bool = False
    """Whether ``measure`` can measure a part: the option ``--only``."""
    data_text: Callable[[Any], str] = indented_json
    """Gives the text of the data file."""
    again: Callable[[Measurement], Any] | None = None
    """Measures once more, and more often, what is in doubt: the option ``--again``."""
    draw: Callable[[Path], None] | None = None
    """Draws the page's pictures into the folder of the page."""

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Write the page; gives the exit code."""
        given = self._parser().parse_args(arguments)
        return ended(lambda: self._write(given))

    def _write(self, given: argparse.Namespace) -> None:
        file = given.docs / f"{self.name}.json"

        def keep(data: Any) -> None:
            write_atomically(file, self.data_text(data))

        measure = self.measure if given.measure else self.again if self.again and given.again else None
        if measure is not None:
            before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            only = given.only if self.selects else ""
            with tempfile.TemporaryDirectory() as folder:
                keep(measure(Measurement(Path(folder), before, only, keep)))
        data = json.loads(file.read_text(encoding="utf-8"))
        if self.draw is not None and not given.no_pictures:
            self.draw(given.docs)
        write_atomically(given.docs / f"{self.name}.md", self.render(data))

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(
            prog=f"python -m tools.{self.name}_page",
            description=f"Writes docs/{self.name}.md from docs/{self.name}.json.",
        )
        parser.add_argument(
            "--measure", action="store_true", help=f"measure the data first ({self.duration})"
        )
        parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
        if self.selects:
            parser.add_argument(
                "--only", default="", metavar="TEXT", help="with --measure: what has TEXT in its title"
            )
        if self.again is not None:
            parser.add_argument(
                "--again", action="store_true", help="measure what is in doubt once more, and more often"
            )
        if self.draw is not None:
            parser.add_argument("--no-pictures", action="store_true", help="leave the pictures as they are")
        return parser

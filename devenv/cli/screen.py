"""Where a verb's words go: results to standard output, progress and problems to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from devenv.core.model.errors import DevenvError
from devenv.core.render.sequence import SequenceMessage, draw_text
from devenv.stack.files import writing

PICTURE_WIDTH = 110
_PROSE_WIDTH = 92
_FILE_WIDTH = 240
_STYLE = {"request": "bold", "reply": "cyan", "failed": "bold red", "note": "yellow", None: "bold"}


class Screen:
    """One verb's output. With ``as_json`` standard output gets nothing but ``result``'s one object."""

    def __init__(self, *, as_json: bool = False, no_color: bool = False) -> None:
        self.as_json = as_json
        self._out = _console(no_color, stderr=False)
        if not self._out.is_terminal:
            self._out.width = _FILE_WIDTH  # a table in a file or a pipe is not folded
        self._err = _console(no_color, stderr=True)
        self._spinner: Status | None = None

    @property
    def width(self) -> int:
        """Cells that a picture may take; a fixed number where there is no terminal."""
        return self._out.width if self._out.is_terminal else PICTURE_WIDTH

    # -- for people --------------------------------------------------------------------------------------

    def show(self, *things: RenderableType) -> None:
        """Print for a person; nothing where JSON was asked for."""
        if self.as_json:
            return
        with self.aside(), writing("standard output"):
            for thing in things:
                self._out.print(thing, soft_wrap=not isinstance(thing, Table))

    def paragraphs(self, texts: Sequence[str], indent: int = 2) -> None:
        """Prose, wrapped to a comfortable width."""
        width = min(self.width, _PROSE_WIDTH)
        wrapped = [line for text in texts for line in Text(text).wrap(self._out, width - indent)]
        self.show(*(Text(" " * indent) + line for line in wrapped))

    def note(self, text: str) -> None:
        """A remark beside the result."""
        with self.aside():
            self._err.print(Text(text, "dim"))

    def picture(self, messages: Sequence[SequenceMessage], indent: int = 2) -> None:
        """A sequence picture, coloured by what each message is."""
        plain = (self._out.encoding or "").lower().replace("-", "") not in ("utf8", "utf16")
        lines = []
        for line in draw_text(messages, width=self.width - indent, ascii_only=plain):
            text = Text(" " * indent + line.text)
            text.stylize(_STYLE[line.kind], indent + line.start, indent + (line.end or len(line.text)))
            lines.append(text)
        self.show(*lines)

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Say that something takes a while; gives what to call with each step done."""
        if not self._err.is_terminal:
            yield lambda text: self._err.print(f"  {text}")
            return
        self._spinner = self._err.status(Text(what), spinner="dots")
        self._spinner.start()

        def step(text: str) -> None:
            if self._spinner is not None:
                self._spinner.update(Text(f"{what}: {text}"))

        try:
            yield step
        finally:
            self._spinner.stop()
            self._spinner = None

    def busy(self, text: str) -> None:
        """What the spinner, where one turns, says from now on."""
        if self._spinner is not None:
            self._spinner.update(Text(text))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The spinner, where one turns, stands aside."""
        if self._spinner is not None:
            self._spinner.stop()
        try:
            yield
        finally:
            if self._spinner is not None:
                self._spinner.start()

    # -- for programs ------------------------------------------------------------------------------------

    def result(self, data: Mapping[str, Any]) -> None:
        """The verb's one JSON object, where JSON was asked for."""
        if self.as_json:
            with writing("standard output"):
                sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
                sys.stdout.flush()

    # -- problems ----------------------------------------------------------------------------------------

    def problem(self, error: DevenvError) -> None:
        """What ended the verb, with the next step; also as JSON where that was asked for."""
        self._err.print(Text.assemble(("error: ", "bold red"), error.message))
        if error.hint:
            self._err.print(Text.assemble(("hint: ", "bold"), error.hint))
        self.result({"error": {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}})


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Not rich's exit code 1, which would mean a violation."""
        raise BrokenPipeError


def _console(no_color: bool, *, stderr: bool) -> Console:
    """No markup and no emoji: a key called x:receipt:[1] is to be shown as it is."""
    return _Console(
        stderr=stderr, no_color=no_color or None, highlight=False, markup=False, emoji=False, soft_wrap=True
    )


def grid(*head: str) -> Table:
    """An empty borderless table with a head; add rows of ``Text`` or plain strings."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in head:
        table.add_column(name, overflow="fold", no_wrap=name == "key")
    return table

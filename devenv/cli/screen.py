"""Where a verb's output goes: results to standard output, progress and problems to standard error.

Every text that a verb shows passes through here, so that a control character of a service, a file or another
person's run never reaches the terminal: ``Text`` makes it visible where it is made. No other module of the
command line prints, and none uses rich's own ``Text`` (``tests/unit/cli/test_screen.py`` holds that).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import typer
from rich import table as rich_table
from rich import text as rich_text
from rich.console import Console
from rich.style import Style

from devenv.core.model.errors import DevenvError
from devenv.core.render.visible import json_text, lines, one_line, visible
from devenv.stack.files import writing

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.status import Status
    from rich.syntax import Syntax

    from devenv.core.render.sequence import SequenceMessage

PICTURE_WIDTH = 110
_PROSE_WIDTH = 92
_FILE_WIDTH = 240
_STYLE = {"request": "bold", "reply": "cyan", "failed": "bold red", "note": "yellow", None: "bold"}


class Text(rich_text.Text):
    """One line of styled text, in which every character is visible."""

    def __init__(self, text: str = "", style: str | Style = "", **options: Any) -> None:
        super().__init__(one_line(text), style, **options)

    def append(self, text: rich_text.Text | str, style: str | Style | None = None) -> Self:
        """Add text at the end, made visible as well."""
        super().append(one_line(text) if isinstance(text, str) else text, style)
        return self

    @classmethod
    def assemble(cls, *parts: str | rich_text.Text | tuple[str, str | Style], **options: Any) -> Self:
        """A line of parts: plain strings, pairs of string and style, or ``Text``."""
        line = cls(**options)
        for part in parts:
            if isinstance(part, tuple):
                line.append(*part)
            else:
                line.append(part)
        return line


class Table(rich_table.Table):
    """Columns under a head; the cells are lines of visible text."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of ``Text`` or plain strings."""
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)


class Screen:
    """One verb's output. With ``as_json`` standard output gets nothing but ``result``'s one object.

    ``no_color``: plain text, without any escape sequence; the variable NO_COLOR asks for the same.
    """

    def __init__(self, *, as_json: bool = False, no_color: bool = False) -> None:
        self.as_json = as_json
        no_color = no_color or bool(os.environ.get("NO_COLOR"))
        self._moving = not no_color
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

    def show(self, *things: str | Text | Table) -> None:
        """Print for a person, each string and each ``Text`` in one line; nothing where JSON was asked for."""
        self._print(*(Text(thing) if isinstance(thing, str) else thing for thing in things))

    def block(self, text: str) -> None:
        """Several lines for a person."""
        self._print(*map(Text, lines(text)))

    def code(self, text: str, language: str = "yaml") -> None:
        """A file's content for a person, in the colours of its language."""
        from rich.syntax import Syntax  # with pygments, which few verbs need

        self._print(Syntax(visible(text), language, background_color="default"))

    def _print(self, *things: rich_text.Text | Table | Syntax) -> None:
        if self.as_json:
            return
        with self.aside(), writing("standard output"):
            for thing in things:
                self._out.print(thing, soft_wrap=not isinstance(thing, Table))

    def output(self, text: str) -> None:
        """A file's content on standard output, for a person or a pipe; nothing where JSON was asked for."""
        if not self.as_json:
            typer.echo(visible(text), nl=False)

    def confirm(self, question: str) -> bool:
        """Ask on the terminal; no is the default."""
        with self.aside():
            return typer.confirm(one_line(question), default=False, err=True)

    def choose(self, question: str, choices: Sequence[str]) -> int:
        """Ask which of the ``choices`` on the terminal: its index; the first is the default."""
        with self.aside():
            for number, choice in enumerate(choices, start=1):
                typer.echo(one_line(f"  {number}  {choice}"), err=True)
            chosen: int = typer.prompt(one_line(question), default=1, type=int, err=True)
        return min(max(chosen, 1), len(choices)) - 1

    def ask(self, question: str) -> str:
        """Ask for a text on the terminal; "" is the default."""
        with self.aside():
            answer: str = typer.prompt(one_line(question), default="", show_default=False, err=True)
        return answer

    def paragraphs(self, texts: Sequence[str], indent: int = 2) -> None:
        """Prose, wrapped to a comfortable width."""
        width = min(self.width, _PROSE_WIDTH)
        wrapped = [line for text in texts for line in Text(text).wrap(self._out, width - indent)]
        self._print(*(Text(" " * indent) + line for line in wrapped))

    def note(self, text: str) -> None:
        """A remark beside the result."""
        with self.aside():
            self._err.print(Text(text, "dim"))

    def picture(self, messages: Sequence[SequenceMessage], indent: int = 2) -> None:
        """A sequence picture, coloured by what each message is."""
        plain = (self._out.encoding or "").lower().replace("-", "") not in ("utf8", "utf16")
        drawn = []
        from devenv.core.render.sequence import draw_text

        for line in draw_text(messages, width=self.width - indent, ascii_only=plain):
            text = Text(" " * indent + line.text)
            text.stylize(_STYLE[line.kind], indent + line.start, indent + (line.end or len(line.text)))
            drawn.append(text)
        self.show(*drawn)

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Say that something takes a while; gives what to call with each step done."""
        if not self._err.is_terminal or not self._moving:
            yield lambda text: self._err.print(Text(f"  {text}"))
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

    @contextmanager
    def measured(self, what: str) -> Iterator[Callable[[float | None], None]]:
        """A bar that shows how much of something is done; gives what to call with the share, 0 to 1.

        None is a share that is not known. Nothing is shown before the first call; without a terminal it is a
        line for every tenth.
        """
        bar: Progress | None = None
        tenths = 0

        def line(share: float | None) -> None:
            nonlocal tenths
            if share is not None and int(share * 10) > tenths:
                tenths = int(share * 10)
                self._err.print(Text(f"  {what}: {tenths}0 %"))

        def move(share: float | None) -> None:
            nonlocal bar
            if bar is None:
                bar = _bar(self._err, what)
                bar.start()
            bar.update(bar.task_ids[0], total=None if share is None else 1.0, completed=share or 0.0)

        try:
            yield move if self._err.is_terminal and self._moving else line
        finally:
            if bar is not None:
                bar.stop()

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
                sys.stdout.write(json_text(data) + "\n")
                sys.stdout.flush()

    # -- problems ----------------------------------------------------------------------------------------

    def problem(self, error: DevenvError) -> None:
        """What ended the verb, with the next step; also as JSON where that was asked for."""
        self._labelled("error: ", "bold red", error.message)
        if error.hint:
            self._labelled("hint: ", "bold", error.hint)
        self.result({"error": {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}})

    def trace(self, text: str) -> None:
        """Python's own report of an internal error, on standard error."""
        typer.echo(visible(text), err=True)

    def help(self, text: str) -> None:
        """A verb's help, where it is shown in place of an error."""
        typer.echo(text)

    def _labelled(self, label: str, style: str, text: str) -> None:
        """The first line after its label, the others indented: none can pass for a line of ours."""
        first, *others = lines(text)
        self._err.print(
            Text.assemble((label, style), first), *(Text(f"  {line}") for line in others), sep="\n"
        )


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Not rich's exit code 1, which would mean a violation."""
        raise BrokenPipeError


def _console(no_color: bool, *, stderr: bool) -> Console:
    """No markup and no emoji: a key called x:receipt:[1] is to be shown as it is."""
    return _Console(
        stderr=stderr, no_color=no_color or None, color_system=None if no_color else "auto",
        highlight=False, markup=False, emoji=False, soft_wrap=True,
    )  # fmt: skip


def _bar(console: Console, what: str) -> Progress:
    """A bar with one task, which vanishes when it is stopped."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    name = TextColumn("{task.description}", markup=False)
    bar = Progress(
        name, BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console, transient=True
    )
    bar.add_task(one_line(what), total=None)
    return bar


def grid(*head: str) -> Table:
    """An empty borderless table with a head; add rows of ``Text`` or plain strings."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in head:
        table.add_column(Text(name), overflow="fold", no_wrap=name == "key")
    return table

"""What the command line shows is visible text, and only the screen shows anything."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import UsageProblem
from devenv.core.render.sequence import SequenceMessage
from devenv.core.render.visible import is_visible
from tests.support import ROOT

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x08\x7f\x9b31m\u202e\u200b\n✓ holds: forged"
CLI = sorted((ROOT / "devenv" / "cli").rglob("*.py"))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that knows colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextlib.contextmanager
def on_a_terminal() -> Iterator[Terminal]:
    """Both standard streams in one."""
    stream = Terminal()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield stream


def show_everything(screen: Screen) -> None:
    """Each way in which a text can get out."""
    table = grid(HOSTILE, "b")
    table.add_row(HOSTILE, Text(HOSTILE, "red"))
    screen.show(
        HOSTILE, Text(HOSTILE, "bold"), Text.assemble(HOSTILE, (HOSTILE, "red"), Text(HOSTILE)), table
    )
    screen.show(Text().append(HOSTILE, "red"))
    screen.block(HOSTILE)
    screen.code(f"title: {HOSTILE}")
    screen.output(HOSTILE)
    screen.note(HOSTILE)
    screen.paragraphs([HOSTILE])
    screen.picture([SequenceMessage(1.0, HOSTILE, "client", HOSTILE, "note", (HOSTILE,))])
    with screen.working(HOSTILE) as step:
        step(HOSTILE)
    with screen.measured(HOSTILE) as share:
        share(None)
        share(0.5)
        screen.busy(HOSTILE)
    screen.problem(UsageProblem(HOSTILE, hint=HOSTILE))
    screen.trace(HOSTILE)
    screen.result({HOSTILE: HOSTILE})


@pytest.mark.parametrize("as_json", [False, True])
def test_no_color_writes_no_sequence_at_all(as_json: bool) -> None:
    with on_a_terminal() as terminal:
        show_everything(Screen(as_json=as_json, no_color=True))
    assert is_visible(terminal.getvalue())
    assert terminal.getvalue().count("owned") > 3


def test_the_variable_no_color_asks_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with on_a_terminal() as terminal:
        show_everything(Screen())
    assert is_visible(terminal.getvalue())


def test_with_colours_every_sequence_is_our_own() -> None:
    with on_a_terminal() as terminal:
        show_everything(Screen())
    text = terminal.getvalue()
    assert "\x1b[1m" in text
    for sequence in ("\x1b]", "\x07", "\x1b[2J", "\x08", "\x7f", "\x9b", "\u202e", "\u200b"):
        assert sequence not in text


def test_no_foreign_line_looks_like_one_of_ours() -> None:
    with on_a_terminal() as terminal:
        screen = Screen(no_color=True)
        screen.show(f"failure: {HOSTILE}", Text(HOSTILE))
        screen.note(HOSTILE)
        screen.problem(UsageProblem(HOSTILE))
    assert [line for line in terminal.getvalue().splitlines() if line.startswith("✓")] == []


def test_a_long_line_is_cut_and_says_so() -> None:
    with on_a_terminal() as terminal:
        Screen(no_color=True).show("x" * 1_000_000)
    assert terminal.getvalue().endswith("… (996000 characters more)\n")


@pytest.mark.parametrize("path", CLI, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_screen_prints(path: Path) -> None:
    """A verb that printed by itself would print foreign text as it is. The version is our own text."""
    if path.name in ("screen.py", "app.py"):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    printing = {"print", "sys.stdout.write", "sys.stderr.write", "traceback.print_exc", "input"}
    assert [name for name in called if name in printing] == []
    assert [name for name in called if name.split(".")[-1] in ("echo", "secho", "confirm", "prompt")
            and not name.startswith("screen.")] == []  # fmt: skip
    assert [name for name in imported if name and name.partition(".")[0] == "rich"] == []


def test_a_share_is_a_bar_on_a_terminal_and_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(no_color=True).measured("importing x") as share:
        for done in (None, 0.05, 0.31, 0.32, 1.0):
            share(done)
    assert capsys.readouterr().err.splitlines() == ["  importing x: 30 %", "  importing x: 100 %"]
    with on_a_terminal() as stream, Screen().measured("importing x") as share:
        assert stream.getvalue() == ""
        share(0.5)
    assert "importing x" in stream.getvalue() and "50%" in stream.getvalue()

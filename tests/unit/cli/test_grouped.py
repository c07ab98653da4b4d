"""Options of a dataclass become options of the verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from devenv.cli.grouped import grouped


@dataclass(frozen=True, slots=True)
class Size:
    """Two options."""

    width: Annotated[int, typer.Option("--width", min=1, help="How wide.")] = 3
    high: Annotated[bool, typer.Option("--high")] = False


def test_a_dataclass_becomes_options_and_the_verb_gets_it_whole() -> None:
    calls: list[tuple[str, Size]] = []
    app = typer.Typer()

    @app.command()
    @grouped
    def draw(name: Annotated[str, typer.Argument()], *, size: Size) -> None:
        """Draw it."""
        calls.append((name, size))

    runner = CliRunner()
    assert runner.invoke(app, ["box"]).exit_code == 0
    assert runner.invoke(app, ["box", "--width", "5", "--high"]).exit_code == 0
    assert runner.invoke(app, ["box", "--width", "0"]).exit_code == 2
    assert calls == [("box", Size()), ("box", Size(5, True))]
    shown = runner.invoke(app, ["--help"]).output
    assert "How wide." in shown
    assert "Draw it." in shown


def test_an_option_that_is_declared_twice_is_refused() -> None:
    def draw(*, width: int, size: Size) -> None:
        """Draw it."""

    with pytest.raises(TypeError, match="declared twice"):
        grouped(draw)

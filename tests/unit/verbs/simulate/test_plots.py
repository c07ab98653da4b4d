"""Pictures and the HTML report; what is said where matplotlib is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.simulation.run import Effort, Prediction
from devenv.verbs.simulate.clusters import Cell, play
from devenv.verbs.simulate.plots import drawn, write_plot
from devenv.verbs.simulate.report import write_report
from devenv.verbs.simulate.sweep import Axis, axis_of, cells


def predictions(axes: list[Axis], **texts: str) -> list[Prediction]:
    return [play(Cell(each, None, 1, Effort(2000))) for each in cells(axes, texts)]


SWEEP = [axis_of("pods=2..4"), axis_of("policy=random,round-robin")]


@pytest.mark.parametrize("axes", [SWEEP, SWEEP[1:], []], ids=["numbers", "names", "single"])
def test_a_picture_is_the_same_for_the_same_predictions(axes: list[Axis]) -> None:
    pytest.importorskip("matplotlib")
    played = predictions(axes, rolling="start=30s,step=5s", policy="random")
    assert drawn(axes, played, "png").startswith(b"\x89PNG")
    svg = drawn(axes, played, "svg")
    assert b"<svg" in svg
    assert svg == drawn(axes, played, "svg")


def test_a_report_is_one_file_with_the_picture_and_no_address_to_fetch(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "report.html"
    write_report(file, SWEEP, predictions(SWEEP), 1)
    text = file.read_text(encoding="utf-8")
    assert text.count("<svg") == 1
    assert "<?xml" not in text
    assert "<script" not in text
    assert 'src="' not in text
    assert "predicted, not measured" in text


def test_without_matplotlib_a_picture_says_what_to_install_and_a_report_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    played = predictions([])
    with pytest.raises(EnvironmentProblem, match="matplotlib") as raised:
        write_plot(tmp_path / "a.svg", [], played)
    assert "devenv[plots]" in str(raised.value.hint)
    write_report(tmp_path / "a.html", [], played, 1)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<svg" not in text
    assert "devenv[plots]" in text


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"a\.gif"):
        write_plot(tmp_path / "a.gif", [], [])

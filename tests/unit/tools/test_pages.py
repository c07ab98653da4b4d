"""The tools that write pages of docs/: what is measured is kept, and the page is made of it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem
from tests.support import ROOT
from tools.pages import Measurement, PageTool

PAGES = ("balancers", "clients", "failures", "sessions", "simulation")


def render(data: Any) -> str:
    return f"rows: {data['rows']}\n"


def data_in(docs: Path) -> Any:
    return json.loads((docs / "things.json").read_text(encoding="utf-8"))


def test_the_page_is_made_of_the_data_that_is_there(tmp_path: Path) -> None:
    tmp_path.joinpath("things.json").write_text('{"rows": 2}', encoding="utf-8")
    tool = PageTool("things", lambda _: pytest.fail("nothing is measured"), render, "a moment")
    assert tool.main(["--docs", str(tmp_path)]) == 0
    assert tmp_path.joinpath("things.md").read_text(encoding="utf-8") == "rows: 2\n"


def test_what_is_measured_is_kept_and_the_page_shows_it(tmp_path: Path) -> None:
    tmp_path.joinpath("things.json").write_text('{"rows": 2}', encoding="utf-8")

    def measure(measurement: Measurement) -> Any:
        assert (measurement.before, measurement.only) == ({"rows": 2}, "nginx")
        assert measurement.folder.is_dir()
        measurement.keep({"rows": 3})
        assert data_in(tmp_path) == {"rows": 3}, "a measurement that is ended keeps what it has"
        return {"rows": 4}

    tool = PageTool("things", measure, render, "a moment", selects=True)
    assert tool.main(["--docs", str(tmp_path), "--measure", "--only", "nginx"]) == 0
    assert data_in(tmp_path) == {"rows": 4}
    assert tmp_path.joinpath("things.md").read_text(encoding="utf-8") == "rows: 4\n"


def test_what_cannot_be_measured_here_leaves_page_and_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_measurement: Measurement) -> Any:
        raise EnvironmentProblem("nginx is not on PATH")

    assert PageTool("things", measure, render, "a moment").main(["--docs", str(tmp_path), "--measure"]) == 4
    assert capsys.readouterr().err == "error: nginx is not on PATH\n"
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_drawn_unless_they_are_to_stay(tmp_path: Path) -> None:
    tmp_path.joinpath("things.json").write_text('{"rows": 2}', encoding="utf-8")
    drawn: list[Path] = []
    tool = PageTool("things", lambda _: None, render, "a moment", draw=drawn.append)
    assert tool.main(["--docs", str(tmp_path), "--no-pictures"]) == 0 and drawn == []
    assert tool.main(["--docs", str(tmp_path)]) == 0 and drawn == [tmp_path]


@pytest.mark.parametrize("name", PAGES)
def test_the_data_in_docs_is_as_its_tool_writes_it(name: str) -> None:
    tool: PageTool = import_module(f"tools.{name}_page.__main__").TOOL
    text = (ROOT / "docs" / f"{name}.json").read_text(encoding="utf-8")
    assert tool.name == name
    assert tool.data_text(json.loads(text)) == text

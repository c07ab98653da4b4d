"""CONTRIBUTING.md names files and names that exist: for each task the places that a change of its kind
touches."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT

_, _, TABLE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where things go")
ROWS = [
    (task.strip(), text) for task, text in re.findall(r"^\| (an? [^|]+) \| (.+) \|$", TABLE, re.MULTILINE)
]
OUTSIDE = ("tests/", "tools/", "docs/", "README", "docker-compose.", "pyproject.toml")
TEMPLATES = {"NAME": "replay", "MODE": "cluster", "PRODUCT": "nginx"}
"""What stands for a name in a path: one that is there."""
SYMBOL = re.compile(r"`(_?[A-Z][A-Za-z_]*)`(?: and [a-z ]+)? (?:in|of) `([^`]+)`")


def path_of(name: str) -> str:
    for template, example in TEMPLATES.items():
        name = name.replace(template, example)
    return name if name.startswith(OUTSIDE) else f"devenv/{name}"


def test_the_tasks() -> None:
    assert len(ROWS) >= 10
    for task in ("a routing policy", "a doctor rule", "a HAR quirk of some exporter", "a verb"):
        assert task in dict(ROWS)


@pytest.mark.parametrize(("task", "text"), ROWS, ids=[task for task, _ in ROWS])
def test_every_place_of_a_task_is_there(task: str, text: str) -> None:
    names = [name for name in re.findall(r"`([^` ]+)`", text) if "/" in name or "." in name]
    assert names
    for name in names:
        if "*" in name:
            folder = ROOT.joinpath("devenv" if "/" in name else "devenv/core/doctor_rules")
            assert list(folder.glob(name)), name
        else:
            assert ROOT.joinpath(path_of(name)).exists(), f"{task}: {name}"


@pytest.mark.parametrize(("task", "text"), ROWS, ids=[task for task, _ in ROWS])
def test_every_name_is_in_the_file_that_the_table_says(task: str, text: str) -> None:
    for symbol, name in SYMBOL.findall(text):
        assert re.search(
            rf"^(class )?{symbol}\b", ROOT.joinpath(path_of(name)).read_text(encoding="utf-8"), re.MULTILINE
        ), f"{task}: {symbol} in {name}"

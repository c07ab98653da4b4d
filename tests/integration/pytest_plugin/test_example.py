"""docs/examples/regression-tests does what it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devenv.cli.commands.explore.verb import explore
from tests.support import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "regression-tests"


@pytest.fixture
def example(tmp_path: Path, folder_project: Callable[[Path], Any]) -> Any:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return folder_project(folder)


def outcomes(text: str) -> list[list[str]]:
    """Each test with its outcome."""
    return [line.split()[:2] for line in text.splitlines() if re.match(r"tests/\S+::", line)]


def test_the_example_runs_as_its_expected_output_says(example: Any) -> None:
    done = example.pytest("-v")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = (EXAMPLE / "expected-output.txt").read_text(encoding="utf-8")
    assert outcomes(done.stdout) == outcomes(expected)
    assert len(outcomes(expected)) == 9
    assert example.left_behind() == []


def test_its_failing_test_says_what_the_readme_shows(example: Any) -> None:
    done = example.pytest("--runxfail", "-k", "would_hold")
    assert done.returncode == 1, done.stdout + done.stderr
    [shown] = re.findall(r"```\n(E .*?)```", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    for line in shown.splitlines():
        pattern = re.escape(line.rstrip()).replace("…", r"\S+")
        assert any(re.fullmatch(pattern, one) for one in lines), line
    assert "devenv: captcha-api-a wrote" in done.stdout
    # On CI pytest says it twice: its summary is not cut there.
    [reproduce] = set(re.findall(r"devenv replay (\S+double-success\.yaml)", done.stdout))
    assert (example.folder / reproduce).is_file()


def test_its_workflow_is_yaml_and_uses_options_that_exist() -> None:
    workflow = yaml.safe_load((EXAMPLE / "ci-workflow.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["regressions"]["steps"] if "run" in step]
    [command] = [command for command in commands if command.startswith("devenv explore")]
    options = re.findall(r"--([a-z-]+)", command)
    assert {"junit", "summary"} <= set(options) <= set(explore.__annotations__)

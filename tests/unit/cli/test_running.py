"""How a verb ends: one line and an exit code, whatever ended it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devenv.cli import main

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
LIMITED = """
import resource, sys
from devenv.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
sys.exit(main(sys.argv[1:]))
"""


def _traceback_of(hint: str) -> Path:
    named = re.search(r"the traceback is in (\S+);", hint)
    assert named is not None
    return Path(named[1])


@pytest.mark.parametrize("error", [ZeroDivisionError("x" * 1000), ValueError("a\nb"), RecursionError("deep")])
def test_a_fault_of_ours_is_exit_70_with_one_line_and_a_private_file(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("devenv.verbs.export.kubernetes.write", broken)
    monkeypatch.chdir(tmp_path)
    assert main(["export", "k8s", "--out", "there", "--json"]) == 70
    shown = capsys.readouterr()
    problem = json.loads(shown.out)["error"]
    assert problem["exit_code"] == 70
    assert type(error).__name__ in problem["message"]
    assert "\n" not in problem["message"]
    assert len(problem["message"]) < 300
    assert "Traceback" not in shown.err
    file = _traceback_of(problem["hint"])
    assert "in broken" in file.read_text(encoding="utf-8")
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()


@needs_full
@pytest.mark.parametrize("words", [["scenarios"], ["scenarios", "--json"], ["--help"], ["export", "k8s"]])
def test_a_full_standard_output_is_exit_4(words: list[str]) -> None:
    with FULL.open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "devenv", *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 4
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
def test_a_report_that_cannot_grow_is_exit_4_with_its_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, "simulate", "--sessions", "50", "--html", "there"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, "--html there: cannot be written: File too large" in ended.stderr) == (4, True)
    (tmp_path / "file").touch()
    assert subprocess.run([*command[:-1], "file/there"], cwd=tmp_path, capture_output=True).returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
def test_a_file_that_cannot_grow_is_exit_4_with_its_name(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, "export", "k8s", "--out", "there"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 4
    assert re.search(r"error: --out there\S*: cannot be written: File too large", ended.stderr)
    assert "Traceback" not in ended.stderr
    assert not list((tmp_path / "there").iterdir()), "half a file was left"


def test_a_name_that_cannot_be_written_is_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["export", "k8s", "--out", "file/below"]) == 2
    assert "--out" in capsys.readouterr().err

"""How a tool ends, whatever ended it."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, Inconclusive, UsageProblem
from tests.support import ROOT
from tools.endings import ended

TOOLS = [file for file in ROOT.glob("tools/**/*.py") if "programs" not in file.parts]
FULL = OSError(errno.ENOSPC, "No space left on device", "docs/a.md")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (UsageProblem("no such page"), 2, "error: no such page"),
        (Inconclusive("not measured"), 3, "error: not measured"),
        (EnvironmentProblem("no Redis"), 4, "error: no Redis"),
        (FULL, 4, "error: docs/a.md: No space left on device"),
        (MemoryError(), 4, "error: the memory of this machine is used up"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("a fault"), 70, "ZeroDivisionError: a fault"),
        (OSError("nothing about a file"), 70, "OSError: nothing about a file"),
    ],
)
def test_each_error_has_its_exit_code_and_says_what_it_is(
    error: BaseException, code: int, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert ended(work) == code
    printed = capsys.readouterr().err
    assert printed.splitlines()[-1] == shown
    assert ("Traceback" in printed) == (code == 70)


@pytest.mark.parametrize(("given", "code"), [(0, 0), (1, 1), (None, 0)])
def test_what_the_work_gives_is_the_exit_code(given: int | None, code: int) -> None:
    assert ended(lambda: given) == code


@pytest.mark.parametrize(
    "file", [file for file in TOOLS if '"__main__":' in file.read_text(encoding="utf-8")]
)
def test_every_tool_ends_so(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.search(r'if __name__ == "__main__":\n    sys\.exit\((?:ended\(.*|TOOL\.main\(\))\)\n\Z', text)

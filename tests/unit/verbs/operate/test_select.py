"""What a temporary stack leaves where its start ends otherwise than started."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import fresh_stack


@pytest.mark.parametrize(
    ("how", "left"), [(KeyboardInterrupt(), 0), (EnvironmentProblem("a port is taken"), 1)]
)
def test_after_ctrl_c_no_folder_is_left_and_after_a_failure_its_logs_are(
    how: BaseException, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> None:
        raise how

    monkeypatch.setattr(EmbeddedStack, "start", start)
    with pytest.raises(type(how)), fresh_stack("embedded", tmp_path, StackSpec(), lambda line: None):
        raise AssertionError("it did not start")
    assert len(list(tmp_path.glob("temporary-*"))) == left

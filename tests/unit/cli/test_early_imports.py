"""Modules imported while something else is waited for."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from devenv.cli.early_imports import importing


def test_a_module_is_there_when_the_block_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "early_and_quick.py").write_text("READY = True\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with importing("early_and_quick"):
        pass
    assert sys.modules.pop("early_and_quick").READY is True


def test_what_goes_wrong_shows_where_the_block_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "early_and_broken.py").write_text("raise LookupError('at its import')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LookupError, match="at its import"), importing("early_and_broken"):
        import_module("early_and_broken")

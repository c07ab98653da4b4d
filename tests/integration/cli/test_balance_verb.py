"""``devenv balance`` as people end it: nothing of it is left, whichever balancer it had started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from devenv.core.balancers import PRODUCTS
from tests.integration.cli.conftest import CommandLine
from tests.integration.stack.balancers.test_process import program_of
from tests.support import HANG_GUARD_S, all_gone, until


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("product", PRODUCTS)
def test_ctrl_c_leaves_neither_a_process_nor_a_file(
    devenv: CommandLine, product: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_of(product)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with devenv.start("balance", product) as process:
        devenv.read_until(process, "new")  # a pattern is measured: the balancer runs
        everyone = devenv.family(process)
        assert any(product in each.name() for each in everyone)
        assert list(temporary.glob("devenv-balancer-*"))
        devenv.interrupt(process)
        assert process.wait(HANG_GUARD_S) == 130
    until(lambda: all_gone(everyone), "balance's processes are gone")
    assert list(temporary.iterdir()) == []
    assert [file for file in devenv.folder.rglob("*") if file != temporary] == []

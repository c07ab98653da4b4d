"""Recording behind a load balancer that no stack runs with yet."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import httpx
import psutil
import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.harness.config.settings import Settings
from devenv.stack.balancers import WHEEL
from devenv.verbs.recordings.composing import ImportOptions
from devenv.verbs.recordings.record import record, stack_to_record
from tests.integration.stack.balancers.test_process import program_of
from tests.support import all_gone


@pytest.mark.usefixtures("own_warm_process")
def test_a_balancer_that_is_asked_for_gets_a_stack_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_of("haproxy")
    monkeypatch.setenv("DEVENV_HAPROXY", WHEEL)
    settings = Settings(state_dir=tmp_path / "state", backend="embedded")
    with (
        pytest.raises(EnvironmentProblem, match="no stack is running"),
        stack_to_record(settings, lambda line: None),
    ):
        pass
    before = set(psutil.Process().children(recursive=True))
    asked = replace(settings, balancer="haproxy:roundrobin")
    with stack_to_record(asked, lambda line: None) as stack:
        traffic = stack.endpoints().traffic

        def send(seconds: float) -> None:
            httpx.post(f"{traffic}/api/abstract-captcha", timeout=60).raise_for_status()

        times = chain((0.0, 0.0, 0.0), repeat(1.0))
        made = record(stack, 0.5, ImportOptions(), lambda line: None, clock=lambda: next(times), sleep=send)
        started = set(psutil.Process().children(recursive=True)) - before
    assert "sessions: {c1: abstract}" in "".join(made.pieces())
    assert all_gone(started)

"""Exploring the pods of the compose stack: learned, and every order run on them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import Ports, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import load
from devenv.stack.compose.backend import ComposeStack
from devenv.verbs.explore.result import Exploration, ExploreOptions, Mode
from devenv.verbs.explore.usecase import PATIENT, explore_on

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def status(
    engine: DockerClient, clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StackStatus]:
    project = f"devenv-test-{uuid.uuid4().hex[:8]}"
    stack = ComposeStack(clone, tmp_path_factory.mktemp("state"), project=project)
    try:
        yield stack.start(
            StackSpec(ports=Ports.free(), use_redis=True, strategy=Strategy.GUIDE, env=PATIENT),
            lambda line: None,
        )
    finally:
        stack.stop()


def explored(status: StackStatus, folder: Path, scenario: str, mode: Mode) -> Exploration:
    settings = replace(load(folder, {}), state_dir=folder, backend="compose")
    return explore_on(status, ExploreOptions(scenario, Strategy.GUIDE, mode), settings)


def test_learned_and_direct_agree_on_compose(status: StackStatus, tmp_path: Path) -> None:
    for mode in (Mode.LEARNED, Mode.DIRECT):
        done = explored(status, tmp_path, "R+R", mode)
        assert (done.traces, done.complete, done.outcomes) == (36, True, 5)
        values = {
            violation.kind: (violation.traces, violation.confirmed, violation.replayed)
            for violation in done.violations
        }
        assert values == {"double-success": (34, True, 3), "lost-attempt": (18, True, 3)}


def test_three_requests_share_two_pods(status: StackStatus, tmp_path: Path) -> None:
    done = explored(status, tmp_path, "R+W+E", Mode.LEARNED)
    assert (done.traces, done.exit_code) == (1_977, 1)
    assert all(violation.confirmed for violation in done.violations)


def test_restarts_are_searched_and_not_confirmed(status: StackStatus, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="pods in containers cannot be restarted"):
        explored(status, tmp_path, "R+P", Mode.DIRECT)
    half = next(
        violation
        for violation in explored(status, tmp_path, "R+W+P", Mode.LEARNED).violations
        if violation.kind == "half-done"
    )
    assert (half.confirmed, half.replays) == (False, 0)
    assert half.why and "containers" in half.why
    assert "@restart:" in half.schedule

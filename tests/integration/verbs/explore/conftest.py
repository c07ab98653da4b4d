"""Embedded stacks on free ports, one for each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings, load
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explore.result import Exploration, ExploreOptions
from devenv.verbs.explore.usecase import explore
from devenv.verbs.operate.select import SUPERVISOR

Explore = Callable[..., Exploration]


def started(folder: Path, strategy: Strategy, **fields: Any) -> EmbeddedStack:
    embedded = EmbeddedStack(folder, SUPERVISOR)
    spec = StackSpec(
        pods=3,
        use_redis=True,
        strategy=strategy,
        ports=Ports.free(),
        env={"REDIS_TIMEOUT_MS": "20000"},
        **fields,
    )
    embedded.start(spec, lambda line: None)
    return embedded


def exploring(folder: Path) -> Explore:
    """Explores on the stack that runs in ``folder``: (expression, strategy, fields of ExploreOptions)."""
    settings: Settings = replace(load(folder, {}), state_dir=folder, backend="embedded")

    def run(scenario: str, strategy: Strategy, **fields: Any) -> Exploration:
        return explore(ExploreOptions(scenario, strategy, **fields), settings, lambda line: None)

    return run


@pytest.fixture(scope="session")
def guide_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("guide")
    stack = started(folder, Strategy.GUIDE)
    yield folder
    stack.stop()


@pytest.fixture(scope="session")
def atomic_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("atomic")
    stack = started(folder, Strategy.ATOMIC)
    yield folder
    stack.stop()


@pytest.fixture
def guide(guide_folder: Path) -> Explore:
    return exploring(guide_folder)


@pytest.fixture
def atomic(atomic_folder: Path) -> Explore:
    return exploring(atomic_folder)

"""A Docker engine where there is one, and a clone-like copy of the project in a folder of any name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import RedisMode
from devenv.stack.compose import compose_file, docker_engine
from devenv.stack.environment import PACKAGE_ROOT

CONTEXT = (
    "Dockerfile",
    *(name for mode in RedisMode for name in compose_file.files(mode)[-1:]),
    ".dockerignore",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
)


@pytest.fixture(scope="session")
def engine() -> DockerClient:
    """The engine; without one the test is skipped, or fails where DEVENV_REQUIRE_DOCKER=1."""
    try:
        return docker_engine.connect()
    except EnvironmentProblem as problem:
        if os.environ.get("DEVENV_REQUIRE_DOCKER") == "1":
            pytest.fail(f"DEVENV_REQUIRE_DOCKER=1, but: {problem.message}")
        pytest.skip(problem.message)


@pytest.fixture(scope="session", autouse=True)
def images() -> Iterator[None]:
    """All projects of these tests use the same images, and those of the plain ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEVENV_IMAGES", "devenv")
        yield


@pytest.fixture(scope="session")
def clone(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What docker compose needs of the project, as a fresh clone has it: no .env, no .venv."""
    folder = tmp_path_factory.mktemp("a clone")
    for name in CONTEXT:
        if not (PACKAGE_ROOT / name).exists():
            continue
        shutil.copy(PACKAGE_ROOT / name, folder / name)
    for package in ("devenv", "mock_ml"):
        shutil.copytree(
            PACKAGE_ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder

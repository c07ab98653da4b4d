"""A rollout of containers, as processes: killed at every step, resumed, and promoted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.compose.backend import ComposeStack
from devenv.stack.compose.compose_file import IMAGES_VARIABLE
from tests.integration.verbs.rollout.controllers import Here, killed_at_every_step

pytestmark = pytest.mark.docker


@pytest.fixture
def here(engine: DockerClient, clone: Path, tmp_path: Path) -> Iterator[Here]:
    project = f"devenv-test-{uuid.uuid4().hex[:8]}"
    stack = ComposeStack(clone, tmp_path / ".devenv", project=project)
    try:
        stack.start(StackSpec(pods=2, ports=Ports.free()), lambda line: None)
        yield Here(tmp_path, {"COMPOSE_PROJECT_NAME": project, IMAGES_VARIABLE: "devenv"})
    finally:
        stack.stop()


def test_a_controller_that_is_killed_at_every_step_resumes(here: Here) -> None:
    killed_at_every_step(here, "compose")

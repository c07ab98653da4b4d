"""Two checkouts in folders of one name: the containers of one are never those of the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from devenv.stack.compose import docker_engine
from devenv.stack.compose.backend import ComposeStack
from devenv.stack.compose.docker_engine import FOLDER_LABEL, PROJECT_LABEL, SERVICE_LABEL, own_project

IMAGE = "redis:7.2-bookworm"
Make = Callable[[str, Path], Container]


@pytest.fixture
def made(engine: DockerClient) -> Iterator[Make]:
    """Makes a container as compose does for a project of a folder; it is never started."""
    containers: list[Container] = []

    def make(project: str, folder: Path) -> Container:
        labels = {PROJECT_LABEL: project, FOLDER_LABEL: str(folder), SERVICE_LABEL: "redis"}
        containers.append(engine.containers.create(IMAGE, labels=labels))
        return containers[-1]

    yield make
    for container in containers:
        with suppress(NotFound):  # the test removed it
            container.remove(force=True)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of one name, a compose file in each."""
    name = f"Devenv-test_{uuid.uuid4().hex[:8]}"
    both = tmp_path / "one" / name, tmp_path / "two" / name
    for folder in both:
        folder.mkdir(parents=True)
        (folder / "docker-compose.yml").write_text(f"services: {{redis: {{image: {IMAGE}}}}}\n", "utf-8")
    return both


def test_a_folder_of_the_same_name_has_its_own_project(
    engine: DockerClient, made: Make, folders: tuple[Path, Path]
) -> None:
    first, second = folders
    plain = first.name.lower()
    assert own_project(engine, first) == own_project(engine, second) == plain
    container = made(plain, first)
    one_service = own_project(engine, second)
    assert own_project(engine, first) == plain
    assert one_service.startswith(f"{plain}-")
    ComposeStack(second, second / ".devenv").stop()
    container.reload()  # is still there
    made(one_service, second)
    container.remove()
    assert own_project(engine, second) == one_service, "the name stays while its containers are there"
    assert own_project(engine, first) == plain


def test_what_a_folder_that_is_gone_left_is_this_checkouts(
    engine: DockerClient, made: Make, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first, _ = folders
    made(first.name.lower(), tmp_path / "gone" / first.name)
    assert own_project(engine, first) == first.name.lower()


def test_a_name_that_is_given_stays(
    engine: DockerClient, made: Make, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = folders
    given = f"given-{first.name.lower()}"
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", given)
    made(given, first)
    assert own_project(engine, second) == docker_engine.project_name(second) == given

"""A team's own image as the pods of the compose stack, by the override file that init writes."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.stack.compose.backend import ComposeStack
from devenv.stack.environment import PACKAGE_ROOT
from devenv.verbs.init.compose_override import OVERRIDE_FILE, PRIVATE_FILE, override_of
from devenv.verbs.replay.replayer import replay
from tests.compose.test_compose import Plain, left_of
from tests.integration.own_service.conftest import OWN_STYLE

pytestmark = pytest.mark.docker
FILES = ("-f", "docker-compose.yml", "-f", OVERRIDE_FILE)


@pytest.fixture(scope="module")
def own(engine: DockerClient, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    """The override beside docker-compose.yml, and the image that it names; nothing runs yet."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(PACKAGE_ROOT / "docs" / "examples" / "own-style", folder, dirs_exist_ok=True)
    # An image that is there already and has what the service needs.
    (folder / "Dockerfile").write_text(
        "FROM devenv-captcha-api\nWORKDIR /srv\nCOPY main.py .env ./\n", encoding="utf-8"
    )
    service = parse_service(OWN_STYLE, folder)
    override = override_of(service, str(folder), PRIVATE_FILE)
    (clone / OVERRIDE_FILE).write_text(override.text, encoding="utf-8")
    (clone / PRIVATE_FILE).write_text(override.private, encoding="utf-8")
    plain = Plain(clone, f"devenv-test-{uuid.uuid4().hex[:8]}")
    yield plain
    if left_of(engine, plain.project):
        plain.run(*FILES, "down", "--volumes", "--timeout", "1")
    for name in (OVERRIDE_FILE, PRIVATE_FILE):
        (clone / name).unlink()


def test_its_pods_show_the_bug_and_redis_mends_it(own: Plain, tmp_path: Path) -> None:
    assert own.run("build", "captcha-api-a").returncode == 0
    started = own.run(*FILES, "up", "--wait")
    assert started.returncode == 0, started.stdout
    stack = ComposeStack(own.folder, tmp_path, project=own.project)
    service = stack.status().spec.service
    assert service is not None
    assert list(service.profile.kinds) == ["puzzle"]
    settings = stack.status().pods[0].settings
    assert (settings["REDIS_HOST"], settings["ML_SERVICE_URL"]) == ("proxy", "http://mock-ml:8001")
    assert replay(stack, find("lost-session"), Strategy.MEMORY).deviations == ()
    with pytest.raises(EnvironmentProblem, match=r"docker-compose\.own\.yml"):
        stack.restart_pods({"a": {"USE_REDIS": "true"}}, lambda line: None)
    own.environ["USE_REDIS"] = "true"
    again = own.run(*FILES, "up", "--wait")
    assert again.returncode == 0, again.stdout
    assert replay(stack, find("lost-session"), Strategy.ATOMIC).deviations == ()

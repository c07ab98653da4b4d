"""A team's own image as the pods of the compose stack, by the override file that init writes."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.stack.compose.backend import ComposeStack
from devenv.stack.environment import PACKAGE_ROOT
from devenv.verbs.init.compose_override import OVERRIDE_FILE, PRIVATE_FILE, override_of
from devenv.verbs.replay.replayer import replay
from tests.compose.test_compose import IMAGES, Plain, left_of
from tests.integration.own_service.conftest import OWN_STYLE
from tests.support import command_environment, devenv_run

pytestmark = pytest.mark.docker
FILES = ("-f", "docker-compose.yml", "-f", OVERRIDE_FILE)


@dataclass
class OwnPods(Plain):
    """Compose files with an override for a service, beside docker-compose.yml in the clone."""

    images: Path = Path()
    """The folder of the image that both services are in."""

    def up(self, service: ServiceSpec, **variables: str) -> None:
        """Start it, in place of another one that runs."""
        override = override_of(service, str(self.images), PRIVATE_FILE)
        (self.folder / OVERRIDE_FILE).write_text(override.text, encoding="utf-8")
        (self.folder / PRIVATE_FILE).write_text(override.private, encoding="utf-8")
        self.environ = {**self.environ, "USE_REDIS": "false", **variables}
        started = self.run(*FILES, "up", "--wait")
        assert started.returncode == 0, started.stdout


@pytest.fixture(scope="module")
def pods_of_two(
    engine: DockerClient, clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnPods]:
    """An image that is there already, with the services; nothing runs yet."""
    folder = tmp_path_factory.mktemp("own")
    examples = PACKAGE_ROOT / "docs" / "examples"
    shutil.copytree(examples / "own-style", folder, dirs_exist_ok=True)
    shutil.copyfile(examples / "sessions" / "lost-update" / "main.py", folder / "preferences.py")
    (folder / "Dockerfile").write_text(
        "FROM devenv-captcha-api\nWORKDIR /srv\nCOPY main.py preferences.py .env ./\n", encoding="utf-8"
    )
    plain = OwnPods(clone, f"devenv-test-{uuid.uuid4().hex[:8]}", images=folder)
    assert plain.run("build", "captcha-api-a").returncode == 0
    yield plain
    if left_of(engine, plain.project):
        plain.run(*FILES, "down", "--volumes", "--timeout", "1")
    for name in (OVERRIDE_FILE, PRIVATE_FILE):
        (clone / name).unlink(missing_ok=True)


def test_its_pods_show_the_bug_and_redis_mends_it(pods_of_two: OwnPods, tmp_path: Path) -> None:
    asked = parse_service(OWN_STYLE, pods_of_two.images)
    pods_of_two.up(asked)
    stack = ComposeStack(pods_of_two.folder, tmp_path, project=pods_of_two.project)
    service = stack.status().spec.service
    assert service is not None
    assert list(service.profile.kinds) == ["puzzle"]
    settings = stack.status().pods[0].settings
    assert (settings["REDIS_HOST"], settings["ML_SERVICE_URL"]) == ("proxy", "http://mock-ml:8001")
    assert replay(stack, find("lost-session"), Strategy.MEMORY).deviations == ()
    with pytest.raises(EnvironmentProblem, match=r"docker-compose\.own\.yml"):
        stack.restart_pods({"a": {"USE_REDIS": "true"}}, lambda line: None)
    pods_of_two.up(asked, USE_REDIS="true")
    assert replay(stack, find("lost-session"), Strategy.ATOMIC).deviations == ()


def test_sessions_are_explored_on_the_containers_that_run(pods_of_two: OwnPods, tmp_path: Path) -> None:
    """As a person does it: devenv.toml in the service's folder, the override, explore, replay."""
    example = (PACKAGE_ROOT / "docs/examples/sessions/lost-update/devenv.toml").read_text(encoding="utf-8")
    configuration = example.replace('"main:app"', '"preferences:app"')
    (pods_of_two.images / "devenv.toml").write_text(configuration, encoding="utf-8")
    pods_of_two.up(parse_service(configuration, pods_of_two.images))
    environment = {**command_environment(), **IMAGES, "COMPOSE_PROJECT_NAME": pods_of_two.project}
    environment["DEVENV_STATE_DIR"] = str(tmp_path)
    on_compose = ("--backend", "compose", "--json")
    run = devenv_run(pods_of_two.images, environment, "explore", "theme+language", *on_compose)
    assert run.returncode == 1, run.stderr
    report = json.loads(run.stdout)
    assert (report["orders"], report["complete"]) == (6, True)
    [violation] = report["violations"]
    assert (violation["kind"], violation["seen_in"]) == ("lost-update", {"orders": 4, "of": 6})
    assert violation["confirmed"]
    again = devenv_run(pods_of_two.images, environment, "replay", violation["scenario_file"], *on_compose)
    assert again.returncode == 1, again.stderr
    assert json.loads(again.stdout)["violations"][0]["kind"] == "lost-update"

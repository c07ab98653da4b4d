"""The example services, each in a folder of its own, as a team's checkout would be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import Run, open_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explore.result import Exploration, ExploreOptions, Mode
from devenv.verbs.explore.usecase import explore_on
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from tests.support import ROOT, command_environment

EXAMPLES = ROOT / "docs" / "examples"

HEADER_VALUE = "client-7f3a"
OWN_STYLE = f"""\
[service]
app = "main:app"
env = {{ FEATURE_FLAGS_HOST = "", AUDIT_DSN = "" }}

[profile]
id = {{ field = "data.ticket" }}
headers = {{ X-Client-Id = "{HEADER_VALUE}" }}
fields = {{ ttl = "data.expiresIn" }}

[profile.kinds.puzzle]
create = {{ path = "/v2/puzzle" }}
verify = {{ path = "/v2/solve", body = {{ ticket = "{{id}}", picks = "{{answer}}" }} }}
answers = {{ wrong = [] }}

[[profile.not-found]]
status = 410

[[profile.success]]
equals = {{ "data.verdict" = "pass" }}

[[profile.wrong]]
equals = {{ "data.verdict" = "fail" }}
"""


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it where everything that it needs must be there (DEVENV_REQUIRE_TOOLS=1)."""
    if os.environ.get("DEVENV_REQUIRE_TOOLS"):
        pytest.fail(why)
    pytest.skip(why)


def needed(tool: str) -> str:
    """Where ``tool`` is."""
    return shutil.which(tool) or missing(f"{tool} is not installed")


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """For commands that are run as people run them: any ports, English, no colours."""
    return command_environment()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A fresh copy of an example's folder."""

    def copy(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
        return folder

    return copy


def played(stack: EmbeddedStack, scenario: str, strategy: Strategy, folder: Path) -> tuple[ReplayResult, Run]:
    """A shipped scenario on the stack, and the folder of its run."""
    run = open_run(folder, scenario, 1.0)
    with Replayer(stack) as replayer:
        return replayer.run(find(scenario), strategy, run=run), run


def explored(stack: EmbeddedStack, expression: str, folder: Path, mode: Mode = Mode.DIRECT) -> Exploration:
    """Every order on the stack's real pods, with USE_REDIS=true meanwhile."""
    on = {pod: {"USE_REDIS": "true"} for pod in ("captcha-api-a", "captcha-api-b")}
    stack.restart_pods(on, lambda line: None)
    try:
        options = ExploreOptions(expression, strategy=Strategy.ATOMIC, mode=mode)
        return explore_on(stack.status(), options, Settings(state_dir=folder))
    finally:
        stack.restart_pods({pod: {"USE_REDIS": "false"} for pod in on}, lambda line: None)

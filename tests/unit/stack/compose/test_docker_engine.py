"""What the Docker engine refuses is a problem of the environment, said in one sentence."""

from __future__ import annotations

from typing import Any, cast

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.compose.docker_engine import run_inside

docker_errors = pytest.importorskip("docker.errors")


class Ended:
    """A container that ended between the look at it and the command."""

    name = "devenv-redis-1"

    def exec_run(self, words: list[str]) -> None:
        raise docker_errors.APIError("500 Server Error", explanation="container 3f2a is not running")


def test_a_container_that_has_just_ended_is_no_fault_of_devenv() -> None:
    with pytest.raises(
        EnvironmentProblem, match="devenv-redis-1 cannot run cat: container 3f2a is not running"
    ):
        run_inside(cast("Any", Ended()), "cat", "/file")

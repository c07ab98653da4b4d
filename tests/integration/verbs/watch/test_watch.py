"""The monitoring points of a running stack, by the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.topology import Ports, StackSpec, StackStatus
from devenv.harness.client.load_pairs import run_pairs
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.watch.usecase import watch
from tests.support import devenv_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watch")


@pytest.fixture(scope="module")
def status(folder: Path) -> Iterator[StackStatus]:
    """Two pods with sessions in their memory."""
    stack = EmbeddedStack(folder / ".devenv", SUPERVISOR, True)
    yield stack.start(StackSpec(pods=2, ports=Ports.free()), lambda line: None)
    stack.stop()


def once(folder: Path) -> tuple[int, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEVENV_")}
    done = devenv_here(folder, kept, "watch", "--once", "--interval", "0.3", "--json")
    return done.returncode, json.loads(done.stdout)


def test_without_a_verify_nothing_is_known(status: StackStatus, folder: Path) -> None:
    code, result = once(folder)
    assert (code, result["not_found"], result["alarms"]) == (3, None, [])
    assert {info["store"] for info in result["pods"].values()} == {"memory"}


def test_sessions_in_the_wrong_place_are_an_alarm(status: StackStatus) -> None:
    def sleep(_: float) -> None:
        run_pairs(status.endpoints.traffic, 10, in_flight=1)

    result = next(iter(watch(status, 1.0, sleep=sleep)))
    assert result.verifies == 10
    assert result.not_found == 1.0, "round-robin sends every second request to the other pod"
    assert [alarm.name for alarm in result.alarms] == ["CaptchaSessionsNotFound"]
    assert result.silent == ()

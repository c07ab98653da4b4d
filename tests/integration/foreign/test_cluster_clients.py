"""A real cluster client on a standalone server: explore names the cause, and says nothing of USE_REDIS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import command_environment, devenv_run

from .conftest import TOML, installed

COMMANDS = {"cluster_ioredis": "node server.mjs", "cluster_redis_py": "{python} server.py {port}"}
"""ioredis waits for the cluster without end; the other service keeps tickets in memory and tells nobody."""


@pytest.mark.parametrize("name", COMMANDS)
def test_explore_names_the_cluster_client(name: str, tmp_path: Path) -> None:
    folder, environment = tmp_path / "service", command_environment()
    installed(name, folder)
    toml = TOML.format(command=COMMANDS[name], packages="").replace("redis = false\n", "")
    (folder / "devenv.toml").write_text(toml, encoding="utf-8")
    done = devenv_run(folder, environment, "explore", "W+W", "--json")
    told = json.loads(done.stdout)["error"]
    assert done.returncode == 4, done.stderr
    assert told["message"].startswith("standalone-cluster-client: captcha-api-a uses a cluster client")
    assert "cluster support disabled" in told["message"] or "no cluster" in told["message"]
    assert "USE_REDIS" not in json.dumps(told)

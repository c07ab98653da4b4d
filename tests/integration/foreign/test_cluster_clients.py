"""A real cluster client on a standalone server: explore, doctor and explain name the cause, not USE_REDIS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.verbs.operate.select import open_stack
from tests.support import command_environment, devenv_run

from .conftest import TOML, installed

COMMANDS = {"cluster_ioredis": "node server.mjs", "cluster_redis_py": "{python} server.py {port}"}
"""ioredis waits for the cluster without end; the other service keeps tickets in memory and tells nobody."""


def service_folder(name: str, folder: Path) -> None:
    """The service with a devenv.toml that says nothing of a switch: USE_REDIS is taken for it."""
    installed(name, folder)
    toml = TOML.format(command=COMMANDS[name], packages="").replace("redis = false\n", "")
    (folder / "devenv.toml").write_text(toml, encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_explore_names_the_cluster_client(name: str, tmp_path: Path) -> None:
    folder, environment = tmp_path / "service", command_environment()
    service_folder(name, folder)
    done = devenv_run(folder, environment, "explore", "W+W", "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 4, done.stderr
    assert error["message"].startswith("standalone-cluster-client: captcha-api-a uses a cluster client")
    assert "cluster support disabled" in error["message"] or "no cluster" in error["message"]
    assert "USE_REDIS" not in json.dumps(error)


@pytest.mark.parametrize("name", COMMANDS)
def test_doctor_and_explain_name_the_cluster_client(name: str, tmp_path: Path) -> None:
    """With USE_REDIS=false, which the service does not read: the gate has recorded what Redis refused."""
    folder, environment = tmp_path / "service", command_environment()
    service_folder(name, folder)
    stack = open_stack("embedded", folder / ".devenv")
    service = parse_service((folder / "devenv.toml").read_text(encoding="utf-8"), folder)
    stack.start(StackSpec(ports=Ports.free(), use_redis=False, service=service), lambda line: None)
    try:
        if name == "cluster_ioredis":  # it asks for the cluster when it starts
            read_only(folder, environment)
        doctor = devenv_run(folder, environment, "doctor", "--json")
        explain = devenv_run(folder, environment, "explain", "--json")
    finally:
        stack.stop()
    (finding,) = json.loads(doctor.stdout)["findings"]
    assert (doctor.returncode, finding["cause"]) == (1, "standalone-cluster-client"), doctor.stderr
    assert finding["change"]["text"] == "use a plain client: this Redis is no cluster"
    assert "USE_REDIS" not in json.dumps(finding)
    causes = {group["cause"] for group in json.loads(explain.stdout)["findings"]}
    assert (explain.returncode, causes) == (1, {"standalone-cluster-client"}), explain.stdout


def read_only(folder: Path, environment: Mapping[str, str]) -> None:
    """Whether sessions are lost is not tried then: what Redis refused leaves the verdict open."""
    looked = devenv_run(folder, environment, "doctor", "--read-only", "--json")
    checks = {check["check"]: check for check in json.loads(looked.stdout)["checks"]}
    crossing = checks["a session on another pod"]
    assert (looked.returncode, crossing["state"]) == (3, "unknown"), looked.stdout
    assert "cluster support disabled" in crossing["text"]

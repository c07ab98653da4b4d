"""The compose file of a stack is docker-compose.yml with the wished pods; no .env changes its addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.stack.compose import compose_file, docker_engine
from devenv.stack.environment import PACKAGE_ROOT

A, B, C = "captcha-api-a", "captcha-api-b", "captcha-api-c"


@pytest.fixture
def document() -> compose_file.Document:
    return compose_file.read(PACKAGE_ROOT)


def test_pods_are_added_like_the_first_one(document: compose_file.Document) -> None:
    services = compose_file.with_pods(document, {A: {}, B: {}, C: {"USE_REDIS": "true"}})["services"]
    assert services[C]["environment"]["POD_NAME"] == C
    assert services[C]["environment"]["USE_REDIS"] == "true"
    assert services[C]["healthcheck"] == services[A]["healthcheck"]
    assert services["proxy"]["environment"]["DEVENV_PODS"] == f"{A}={A}:8000,{B}={B}:8000,{C}={C}:8000"
    assert [services[pod]["environment"]["REDIS_PORT"] for pod in (A, B, C)] == ["6391", "6392", "6393"]


def test_pods_that_are_not_wished_go(document: compose_file.Document) -> None:
    services = compose_file.with_pods(document, {A: {}})["services"]
    assert B not in services
    assert services["proxy"]["environment"]["DEVENV_PODS"] == f"{A}={A}:8000"


def test_without_a_gate_the_pods_reach_redis_themselves(document: compose_file.Document) -> None:
    services = compose_file.with_pods(document, {A: {}, B: {}}, gate=False)["services"]
    for pod in (A, B):
        variables = services[pod]["environment"]
        assert (variables["REDIS_HOST"], variables["REDIS_PORT"]) == ("redis", "6379")
    assert services["proxy"]["environment"]["DEVENV_REDIS"] == ""


def test_the_pods_of_the_file_are_written_as_they_stand_there(document: compose_file.Document) -> None:
    assert compose_file.with_pods(document, {A: {}, B: {}}) == document


def test_the_document_itself_is_left_alone(document: compose_file.Document) -> None:
    before = yaml.safe_dump(document)
    compose_file.with_pods(document, {A: {"USE_REDIS": "true"}, C: {}})
    assert yaml.safe_dump(document) == before


def test_dollars_in_values_are_literal(document: compose_file.Document) -> None:
    services = compose_file.with_pods(document, {A: {"REDIS_PREFIX": "$HOME:"}})["services"]
    assert services[A]["environment"]["REDIS_PREFIX"] == "$$HOME:"


LIMITS = (512, "${DEVENV_MEM_LIMIT:-2g}")
"""Processes and memory of a container."""


def test_addresses_are_literals(document: compose_file.Document) -> None:
    for pod in (A, B):
        variables = document["services"][pod]["environment"]
        for name in ("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_SSL", "ML_SERVICE_URL"):
            assert "$" not in variables[name]
        assert variables["REDIS_HOST"] == "proxy"
        assert variables["ML_SERVICE_URL"] == "http://mock-ml:8001"


def test_every_port_is_published_on_loopback_only(document: compose_file.Document) -> None:
    published = [port for service in document["services"].values() for port in service.get("ports", ())]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_service_is_checked_and_unprivileged(document: compose_file.Document) -> None:
    for name, service in document["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert (service["pids_limit"], service["mem_limit"]) == LIMITS, name
    assert "version" not in document


def test_every_variable_given_is_one_that_the_files_take() -> None:
    names = (*compose_file.files(RedisMode.REPLICA), "docker-compose.nginx.yml")
    text = "".join((PACKAGE_ROOT / name).read_text(encoding="utf-8") for name in names)
    given = compose_file.variables(StackSpec(), Ports())
    assert all(f"${{{name}:-" in text for name in given)


def test_the_written_file_reads_back(document: compose_file.Document, tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "compose.yml"
    compose_file.write(document, path)
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == document


def test_a_folder_without_compose_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=str(tmp_path.name)):
        compose_file.read(tmp_path)


def test_without_docker_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="Docker is not installed") as caught:
        docker_engine.connect()
    assert "--backend embedded" in (caught.value.hint or "")


OVERRIDES = (RedisMode.TLS, RedisMode.ACL, RedisMode.REPLICA)


@pytest.mark.parametrize("mode", OVERRIDES)
def test_an_override_opens_nothing(mode: RedisMode) -> None:
    services = compose_file.read(PACKAGE_ROOT, mode)["services"]
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True), name
        assert (service["pids_limit"], service["mem_limit"]) == LIMITS, name
        assert service.get("user", "1:1").partition(":")[0] != "0", name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


@pytest.mark.parametrize("mode", OVERRIDES)
def test_every_pod_gets_what_the_override_gives_the_first(mode: RedisMode) -> None:
    services = compose_file.with_pods(compose_file.read(PACKAGE_ROOT, mode), {A: {}, B: {}, C: {}})[
        "services"
    ]
    assert services["proxy"]["environment"]["DEVENV_REDIS_MODE"] == mode
    one_service = {"POD_NAME", "REDIS_PORT", "USE_REDIS"}
    given = [
        {name: value for name, value in services[pod]["environment"].items() if name not in one_service}
        for pod in (A, B, C)
    ]
    assert given[0] == given[1] == given[2]
    assert given[0] != compose_file.read(PACKAGE_ROOT)["services"][A]["environment"]
    assert services[C].get("volumes") == services[A].get("volumes")


def test_what_an_override_does_not_say_stays() -> None:
    before, after = compose_file.read(PACKAGE_ROOT), compose_file.read(PACKAGE_ROOT, RedisMode.TLS)
    assert after["services"]["mock-ml"] == before["services"]["mock-ml"]
    assert after["services"][A]["depends_on"] == before["services"][A]["depends_on"]
    assert after["services"][A]["environment"]["REDIS_HOST"] == "proxy"
    assert after["services"]["redis"]["healthcheck"]["interval"] == "1s"
    assert set(after["volumes"]) == {"redis-credentials", "redis-trust"}


def test_pods_never_see_a_key() -> None:
    services = compose_file.read(PACKAGE_ROOT, RedisMode.TLS)["services"]
    for pod in (A, B):
        assert services[pod]["volumes"] == ["redis-trust:/run/redis-trust:ro"]


def test_the_password_of_the_users_is_nobody_s_file() -> None:
    text = (PACKAGE_ROOT / compose_file.files(RedisMode.ACL)[-1]).read_text(encoding="utf-8")
    assert f"${{{compose_file.USERS_VARIABLE}:?" in text
    services = compose_file.read(PACKAGE_ROOT, RedisMode.ACL)["services"]
    given = services[A]["environment"]["REDIS_PASSWORD"]
    assert given.startswith("${DEVENV_REDIS_PASSWORD:?")
    assert given == services["redis"]["environment"]["REDISCLI_AUTH"]


def test_an_override_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / compose_file.FILE).write_text("services: {}", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match=r"no docker-compose\.redis-tls\.yml in"):
        compose_file.read(tmp_path, RedisMode.TLS)

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackSpec
from devenv.stack.environment import pod_settings
from devenv.stack.own_service import OwnService, its_redis, own_variables

POD = "captcha-api-a"


def spec_of(service: ServiceSpec, **fields: object) -> StackSpec:
    return replace(StackSpec(service=service), **fields)  # type: ignore[arg-type]


def environment(service: ServiceSpec, **fields: object) -> dict[str, str]:
    spec = spec_of(service, **fields)
    settings = pod_settings(
        spec,
        POD,
        redis_host="127.0.0.1",
        redis_port=6391,
        ml_url="http://127.0.0.1:8001",
        asset_url="http://127.0.0.1:8001",
        secret="hmac",
    )
    return OwnService(service, 1, spec.pod_names).environment(spec, POD, settings, 9000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text(
        "REDIS_HOST=redis.prod.example.invalid\nREDIS_URL=redis://redis.prod.example.invalid/3\n"
        "REDIS_PREFIX=theirs:\nREDIS_PASSWORD=word\nFLAGS_HOST=flags.prod.example.invalid\nLEVEL=info\n",
        encoding="utf-8",
    )
    return tmp_path


def service_in(folder: Path, **fields: object) -> ServiceSpec:
    made = ServiceSpec(str(folder), CAPTCHA, app="main:app", env={"FLAGS_HOST": ""})
    return replace(made, **fields)  # type: ignore[arg-type]


def test_what_points_outward_is_local(folder: Path) -> None:
    env = environment(service_in(folder))
    assert (env["REDIS_HOST"], env["REDIS_PORT"], env["REDIS_PASSWORD"]) == ("127.0.0.1", "6391", "")
    assert env["REDIS_URL"] == "redis://127.0.0.1:6391/0"
    assert env["REDIS_ADDR"] == "127.0.0.1:6391"
    assert env["SENTRY_DSN"] == env["HTTPS_PROXY"] == env["FLAGS_HOST"] == ""
    assert "example.invalid" not in str(env)
    assert "PYTHONPATH" not in env


def test_a_password_that_no_file_names_is_not_set(tmp_path: Path) -> None:
    """redis-rb sends AUTH for an empty password too, and Redis refuses it."""
    env = environment(service_in(tmp_path))
    assert not {"REDIS_PASSWORD", "REDIS_USERNAME"} & {*env}


def test_what_does_not_point_outward_is_its_own(folder: Path) -> None:
    env = environment(service_in(folder))
    assert env["REDIS_PREFIX"] == "theirs:"
    assert "CAPTCHA_TTL" not in env  # its code knows better than we
    assert "LEVEL" not in env  # it reads its .env itself
    assert environment(service_in(folder), env={"REDIS_PREFIX": "mine:"})["REDIS_PREFIX"] == "mine:"


def test_an_env_file_is_given_and_cannot_point_outward(folder: Path) -> None:
    (folder / "prod.env").write_text("LEVEL=debug\nREDIS_HOST=redis.prod.example.invalid\n", encoding="utf-8")
    env = environment(service_in(folder, env_file="prod.env"))
    assert env["LEVEL"] == "debug"
    assert env["REDIS_HOST"] == "127.0.0.1"


def test_templates_and_the_switch(folder: Path) -> None:
    service = service_in(
        folder,
        env={"FLAGS_HOST": "", "STORE": "{redis_url}#{pod}", "JSON": '{"a": 1}'},
        redis_on={"SESSIONS": "{redis_host}"},
        redis_off={"SESSIONS": ""},
    )
    off, on = environment(service), environment(service, use_redis=True)
    assert off["STORE"] == f"redis://127.0.0.1:6391/0#{POD}"
    assert off["JSON"] == '{"a": 1}'
    assert (off["SESSIONS"], on["SESSIONS"]) == ("", "127.0.0.1")


def test_a_scenario_may_misconfigure_a_pod(folder: Path) -> None:
    env = environment(service_in(folder), pod_env={POD: {"REDIS_PORT": "1"}})
    assert env["REDIS_PORT"] == "1"


def test_an_unknown_address_stops_it_until_somebody_decides(folder: Path) -> None:
    with pytest.raises(UsageProblem) as problem:
        OwnService(service_in(folder, env={}))
    assert "FLAGS_HOST (.env:5)" in problem.value.message
    assert "REDIS_HOST" not in problem.value.message
    assert "example.invalid" not in problem.value.message
    OwnService(service_in(folder, env={}, allow_env=("FLAGS_HOST",)))
    OwnService(service_in(folder, env={"FLAGS_HOST": "127.0.0.1"}))


def test_a_dotenv_above_counts_too_and_examples_do_not(folder: Path) -> None:
    inner = folder / "service"
    inner.mkdir()
    (inner / ".env.example").write_text("OTHER_HOST=other.example.invalid\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match="FLAGS_HOST"):
        OwnService(service_in(inner, env={}))
    (inner / ".env.production").write_text("MORE_URL=https://more.example.invalid\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"MORE_URL \(\.env\.production:1\)"):
        OwnService(service_in(inner))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"directory": "/nowhere/at/all"}, "there is no such folder"),
        ({"env_file": "none.env"}, "--env-file none.env"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, fields: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageProblem, match=sentence):
        OwnService(service_in(folder, **fields))


def test_a_broken_dotenv_is_named_with_its_line(folder: Path) -> None:
    (folder / ".env").write_text("A=1\n= b\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"\.env:2"):
        OwnService(service_in(folder))


def test_commands(folder: Path) -> None:
    one_service = OwnService(
        service_in(folder, app=None, command=("node", "x.js", "--port={port}", "{other}"))
    )
    assert one_service.command(9000, 1, POD) == ["node", "x.js", "--port=9000", "{other}"]
    app = OwnService(service_in(folder)).command(9000, 4, POD)
    assert app[:3] == [sys.executable, "-m", "uvicorn"]
    assert app[-2:] == ["--workers", "4"]
    named = OwnService(service_in(folder, python="python3.12")).command(9000, 1, POD)
    assert named[0] == "python3.12"


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreter lies elsewhere")
def test_the_folders_virtual_environment_is_taken(folder: Path) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert OwnService(service_in(folder)).command(9000, 1, POD)[0] == str(python)


def test_only_the_contracts_variables_are_shown_and_no_secret(folder: Path) -> None:
    service = service_in(folder, env={"FLAGS_HOST": "", "TOKEN": "s3cret"})
    spec = spec_of(service)
    settings = pod_settings(
        spec, POD, redis_host="127.0.0.1", redis_port=1, ml_url="m", asset_url="a", secret="hmac"
    )
    shown = OwnService(service).settings(spec, POD, settings)
    assert shown["REDIS_HOST"] == "127.0.0.1"
    assert shown["USE_REDIS"] == "false"
    assert "s3cret" not in str(shown)
    assert "hmac" not in str(shown)


def test_a_command_is_told_the_interpreter_and_how_many_workers(folder: Path) -> None:
    words = ("{python}", "-m", "gunicorn", "-w", "{workers}", "-b", "{host}:{port}")
    one_service = OwnService(service_in(folder, app=None, command=words), workers=4)
    assert one_service.command(9000, 4, POD) == [
        sys.executable,
        "-m",
        "gunicorn",
        "-w",
        "4",
        "-b",
        "127.0.0.1:9000",
    ]


def test_workers_that_nobody_tells_the_command_are_refused(folder: Path) -> None:
    service = service_in(folder, app=None, command=("node", "x.js"))
    OwnService(service, workers=1)
    with pytest.raises(UsageProblem, match=r"4 workers .* no \{workers\}"):
        OwnService(service, workers=4)


def test_the_address_of_its_redis_by_other_names(folder: Path) -> None:
    (folder / ".env").write_text(
        "CACHE_HOST=cache.prod.example.invalid\nCACHE_PORT=6397\nSESSION_REDIS_URL=redis://prod.invalid/1\n"
        "DB_HOST=db.prod.invalid\nDB_PORT=5432\nCACHE_URL=redis://prod.invalid\n"
        "IMAGE_CACHE_URL=https://cdn.prod.invalid/x\nVALKEY_HOST=127.0.0.1\n",
        encoding="utf-8",
    )
    service = service_in(folder)
    settings = its_redis(service, own_variables(service))
    assert settings == {
        "CACHE_HOST": "{redis_host}",
        "CACHE_PORT": "{redis_port}",
        "SESSION_REDIS_URL": "{redis_url}",
    }


def test_what_an_env_file_says_and_the_pod_does_not_get_is_told(folder: Path) -> None:
    (folder / "dev.env").write_text(
        "LEVEL=debug\nREDIS_HOST=127.0.0.9\nREDIS_PASSWORD=word\nSENTRY_DSN=http://127.0.0.1:9/1\n"
        "FLAGS_HOST=x\n",
        encoding="utf-8",
    )
    service = service_in(folder, env_file="dev.env")
    [line] = OwnService(service).replaced(environment(service))
    assert line.startswith("dev.env: not taken over: REDIS_PASSWORD, SENTRY_DSN without a value")
    assert "REDIS_HOST as this stack has it" in line
    assert "LEVEL" not in line
    assert "FLAGS_HOST" not in line  # devenv.toml sets it and says so
    assert "word" not in line
    kept = service_in(folder, env_file="dev.env", env={"FLAGS_HOST": "", "REDIS_PASSWORD": "mine"})
    assert environment(kept)["REDIS_PASSWORD"] == "mine"
    assert OwnService(service_in(folder)).replaced(environment(service_in(folder))) == []


def test_a_local_value_of_the_env_file_counts_and_not_the_dotenvs(folder: Path) -> None:
    (folder / "dev.env").write_text("FLAGS_HOST=127.0.0.1\n", encoding="utf-8")
    service = service_in(folder, env={}, env_file="dev.env")
    assert own_variables(service)["FLAGS_HOST"].value == "127.0.0.1"
    assert environment(service)["FLAGS_HOST"] == "127.0.0.1"
    (folder / "dev.env").write_text("FLAGS_HOST=flags.example.invalid\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"FLAGS_HOST \(dev\.env:1\)"):
        OwnService(service)


def test_a_variable_of_one_pod_alone(folder: Path) -> None:
    service = service_in(folder, pod_env={"a": {"REDIS_PREFIX": "{pod}:"}, "captcha-api-b": {"X": "1"}})
    env = environment(service)
    assert env["REDIS_PREFIX"] == f"{POD}:"
    assert "X" not in env
    with pytest.raises(UsageProblem, match="no pod is called 'c'"):
        environment(service_in(folder, pod_env={"c": {"X": "1"}}))


def test_a_pods_folders_are_its_environments(folder: Path) -> None:
    service = service_in(folder)
    settings = {"REDIS_HOST": "h", "REDIS_PORT": "1", "ML_SERVICE_URL": "m"}
    folders = {"TMPDIR": "/run/a/tmp"}
    one_service = OwnService(service)
    assert one_service.environment(spec_of(service), POD, settings, 1, folders)["TMPDIR"] == "/run/a/tmp"
    named = OwnService(replace(service, env={**service.env, "TMPDIR": "/shared"}))
    assert named.environment(spec_of(service), POD, settings, 1, folders)["TMPDIR"] == "/shared"

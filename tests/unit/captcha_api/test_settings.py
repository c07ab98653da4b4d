"""The environment, read strictly."""

import os
from typing import Any

import pytest
from pydantic import ValidationError

from devenv.captcha_api.settings import Settings, explain, load_or_exit


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        for variable in list(os.environ):
            if variable.lower() == name:
                monkeypatch.delenv(variable)


def line(monkeypatch: pytest.MonkeyPatch, **env: Any) -> Any:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    return explain(caught.value)


def test_defaults() -> None:
    settings = Settings()
    assert (settings.use_redis, settings.redis_port, settings.redis_db) == (False, 6379, 0)
    assert (settings.redis_prefix, settings.redis_timeout_ms, settings.captcha_ttl) == ("rcaptcha:", 2000, 60)
    assert settings.ml_url == settings.asset_url == "http://localhost:8001"
    assert settings.session_strategy == "atomic"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("False", False)])
def test_flags(monkeypatch: pytest.MonkeyPatch, text: str, value: Any) -> None:
    monkeypatch.setenv("REDIS_SSL", text)
    assert Settings().redis_ssl is value


@pytest.mark.parametrize("value", ["maybe", "1", "yes", ""])
def test_a_flag_is_true_or_false(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    assert line(monkeypatch, USE_REDIS=value) == (
        f"captcha-api cannot start: USE_REDIS={value!r}: must be true or false"
    )


@pytest.mark.parametrize("value", ["tcp://10.0.0.7:6379", "", "6379.0", "0", "65536", "²"])
def test_a_port_is_a_port(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    message = line(monkeypatch, REDIS_PORT=value)
    assert message.startswith(f"captcha-api cannot start: REDIS_PORT={value!r}: ")
    assert "\n" not in message


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    message = line(monkeypatch, REDIS_DB="x", SESSION_STRATEGY="lua", CAPTCHA_TTL="0")
    assert all(name in message for name in ("REDIS_DB", "SESSION_STRATEGY", "CAPTCHA_TTL"))


def test_redis_needs_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "REDIS_HOST" in line(monkeypatch, USE_REDIS="true", REDIS_HOST="")


@pytest.mark.parametrize("value", ["auto", "true", "false", "TRUE", "Auto"])
def test_the_client_is_a_choice_of_three(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REDIS_CLUSTER", value)
    assert Settings().redis_cluster == value.lower()


@pytest.mark.parametrize("value", ["", "1", "yes", "cluster"])
def test_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert f"REDIS_CLUSTER={value!r}: must be auto, true or false" in line(monkeypatch, REDIS_CLUSTER=value)


def test_a_cluster_client_has_database_0_and_two_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    on = {"USE_REDIS": "true", "REDIS_HOST": "127.0.0.1", "REDIS_CLUSTER": "true"}
    message = line(monkeypatch, **on, REDIS_DB="1")
    assert (
        message
        == "captcha-api cannot start: REDIS_CLUSTER=true needs REDIS_DB=0, not 1: a cluster has no other"
    )
    message = line(monkeypatch, **on, REDIS_DB="0", SESSION_STRATEGY="watch")
    assert message == "captcha-api cannot start: REDIS_CLUSTER=true: the watch store has no cluster client"


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_PASSWORD", "ASSET_BASE_URL", "ABSTRACT_HMAC_SECRET", "SUCCESS_REDIRECT_URL"):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.password is None
    assert settings.abstract_hmac_secret is None
    assert settings.asset_url == settings.ml_url


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    assert "hunter2" not in repr(Settings())
    assert "hunter2" not in line(monkeypatch, REDIS_DB="x")


def test_exit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("REDIS_PORT", "tcp://10.0.0.7:6379")
    with pytest.raises(SystemExit) as caught:
        load_or_exit()
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.balancers import PRODUCTS
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import Ports
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings, language_of, load


def write(folder: Path, text: str) -> Path:
    (folder / ".env").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_and_environment_everything_is_default(tmp_path: Path) -> None:
    assert load(tmp_path, {}) == Settings()


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        "USE_REDIS=TRUE\nSESSION_STRATEGY=guide\nDEVENV_PODS=5\nDEVENV_TRAFFIC_PORT=9000\nCAPTCHA_TTL=30\n",
    )
    settings = load(tmp_path, {"DEVENV_PODS": "3", "LANG": "ko_KR.UTF-8"})
    assert settings.use_redis is True
    assert settings.strategy is Strategy.GUIDE
    assert settings.pods == 3
    assert settings.ports == Ports(traffic=9000)
    assert settings.env == {"CAPTCHA_TTL": "30"}
    assert settings.language == "ko"
    assert settings.stack_spec().pods == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n# c\nREDIS_TIMEOUT_MS=soon\n", [".env:3", "REDIS_TIMEOUT_MS", "'soon'", "integer of 1 or more"]),
        ("USE_REDIS=yes\n", [".env:1", "USE_REDIS", "'yes'", "true or false"]),
        (
            "A=1\n\n\nSESSION_STRATEGY=atomicc\n",
            [".env:4", "SESSION_STRATEGY", "atomic, getdel, guide, incr or watch"],
        ),
        ("DEVENV_TRAFFIC_PORT=80800\n", [".env:1", "from 0 to 65535"]),
        ("A='x\ny'\n\nDEVENV_PODS=0\n", [".env:4", "DEVENV_PODS", "from 1 to 26"]),
        ("A=1\nthis is no setting\n", [".env:2", "cannot be read"]),
    ],
)
def test_a_bad_value_names_file_line_variable_value_and_what_is_allowed(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(UsageProblem) as caught:
        load(write(tmp_path, text), {})
    for word in words:
        assert word in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_balancer_of_the_environment_or_of_devenv_toml(product: str, tmp_path: Path) -> None:
    usual = f"{product}:{PRODUCTS[product].default_policy}"
    assert load(tmp_path, {"DEVENV_BALANCER": product}).stack_spec().balancer == usual
    text = f'balancer = "{product}"\n[service]\napp = "main:app"\n'
    (tmp_path / "devenv.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path, {}).stack_spec().balancer == usual
    assert load(tmp_path, {"DEVENV_BALANCER": "nginx:random"}).stack_spec().balancer == "nginx:random"


def test_a_bad_value_of_the_environment_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="environment: DEVENV_PODS is 'many'"):
        load(write(tmp_path, "DEVENV_PODS=2\n"), {"DEVENV_PODS": "many"})


def test_an_unreadable_line_is_not_shown_because_it_may_hold_a_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        load(write(tmp_path, "REDIS_PASSWORD hunter2\n"), {})
    assert "hunter2" not in caught.value.message + (caught.value.hint or "")


def test_empty_means_not_set(tmp_path: Path) -> None:
    assert load(write(tmp_path, "DEVENV_PODS=\nUSE_REDIS=\n"), {"CAPTCHA_TTL": ""}) == Settings()


def test_addresses_and_secrets_are_not_taken_over_and_one_note_says_so(tmp_path: Path) -> None:
    write(tmp_path, "REDIS_HOST=prod.example\nREDIS_PORT=tcp://10.0.0.7:6379\nREDIS_PASSWORD=hunter2\n")
    settings = load(tmp_path, {})
    assert settings.ignored == ("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD")
    assert len(settings.notes) == 1
    assert "REDIS_HOST" in settings.notes[0]
    assert "hunter2" not in repr(settings)
    assert "prod.example" not in repr(settings)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfDEVENV_PODS=4\r\nUSE_REDIS=true\r\n")
    assert load(tmp_path, {}).pods == 4


def test_another_encoding_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DEVENV_PODS=4 # 파드".encode("cp949"))
    with pytest.raises(UsageProblem, match="UTF-8"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LC_ALL": "C", "LANG": "ko_KR.UTF-8"}, "en"),
        ({"LC_MESSAGES": "ko_KR", "LANG": "en_US"}, "ko"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_the_language_follows_the_locale(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language
